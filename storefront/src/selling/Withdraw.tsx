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
      }
    }
  }
`);

/** Takes a ticket off sale, whatever it says by now, after asking. */
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
      if (error) setFailed({ title: 'It is not withdrawn', detail: wordsFor(error, sellersWords), retry: false });
      else {
        onDone();
        toast('It is withdrawn.', { tone: 'success' });
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
        Withdraw it
      </Button>
      {asking && (
        <Dialog title="Withdraw this ticket?" close={() => setAsking(false)}>
          <p>Nobody can buy “{ticket.title}” then, and you cannot put this one back on sale. You can offer it anew.</p>
          <div className={css.buttons}>
            <Button
              look="danger"
              onClick={() => {
                setAsking(false);
                void withdraw();
              }}
            >
              Withdraw it
            </Button>
            <Button onClick={() => setAsking(false)}>Keep it on sale</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
