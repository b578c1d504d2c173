import { useApolloClient } from '@apollo/client/react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { failure, type Failure } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { wordsFor } from '../app/words';
import { graphql } from '../gql';
import type { OwnTicketFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { toast } from '../ui/toast';
import { sellersWords } from './reasons';
import css from './Selling.module.css';

const withdrawTicket = graphql(`
  mutation WithdrawTicket($input: WithdrawTicketInput!) {
    withdrawTicket(input: $input) {
      ticket {
        id
        ...OwnTicket
      }
      errors {
        __typename
        ... on UserError {
          code
          message
          path
        }
        ... on TicketReservedError {
          ticket {
            id
            ...OwnTicket
          }
        }
        ... on TicketSoldError {
          ticket {
            id
            ...OwnTicket
          }
        }
      }
    }
  }
`);

/** Takes a ticket off sale after confirmation, in any version. */
export function Withdraw({ ticket, disabled, onDone }: { ticket: OwnTicketFragment; disabled: boolean; onDone: () => void }) {
  const client = useApolloClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Failure>();

  async function withdraw() {
    setBusy(true);
    setFailed(undefined);
    try {
      const { data } = await client.mutate({ mutation: withdrawTicket, variables: { input: { ticketId: ticket.id } } });
      const [error] = data.withdrawTicket.errors;
      if (error) setFailed({ title: 'The ticket is still on sale', detail: wordsFor(error, sellersWords), retry: false });
      else {
        onDone();
        toast('The ticket is off sale.', { tone: 'success' });
        await navigate('/listings');
      }
    } catch (error) {
      setFailed(failure(error));
    }
    setBusy(false);
  }

  return (
    <>
      {failed && <FailureNotice failure={failed} />}
      <Button look="danger" disabled={disabled} busy={busy} onClick={() => setAsking(true)}>
        Take off sale
      </Button>
      {asking && (
        <Dialog title="Take this ticket off sale?" close={() => setAsking(false)}>
          <p>“{ticket.title}” can’t go back on sale afterwards, but you can list it again as a new ticket.</p>
          <div className={css.buttons}>
            <Button
              look="danger"
              onClick={() => {
                setAsking(false);
                void withdraw();
              }}
            >
              Take off sale
            </Button>
            <Button onClick={() => setAsking(false)}>Keep on sale</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
