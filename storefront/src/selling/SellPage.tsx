import { useApolloClient } from '@apollo/client/react';
import { Link, useNavigate } from 'react-router';
import { useViewer } from '../account/session';
import { newKey } from '../app/key';
import { graphql } from '../gql';
import { Button } from '../ui/Button';
import { FormErrors } from '../ui/Field';
import { useForm } from '../ui/form';
import { Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { priceOf, useKept } from './draft';
import { FormSkeleton } from './skeletons';
import { Preview, TicketFields } from './TicketFields';
import css from './Selling.module.css';

const createTicket = graphql(`
  mutation CreateTicket($input: CreateTicketInput!) {
    createTicket(input: $input) {
      ticket {
        id
        ...TicketCard
        ...TicketDetails
      }
      errors {
        __typename
        ... on UserError {
          code
          message
          path
        }
      }
    }
  }
`);

export default function SellPage() {
  const viewer = useViewer();
  return viewer ? <Sell key={viewer.user.id} seller={viewer.user.id} /> : <FormSkeleton />;
}

function Sell({ seller }: { seller: string }) {
  const client = useApolloClient();
  const navigate = useNavigate();
  // One idempotency key for one ticket: a retry after a failure creates no second one.
  const begin = () => ({ title: '', amount: '', currency: usualCurrency(), key: newKey() });
  const [draft, setDraft, forget] = useKept(`sell:${seller}`, begin);
  const form = useForm(async () => {
    const { price, error } = priceOf(draft);
    // With an invalid price, the API reports the errors of the other fields.
    const { data } = await client.mutate({
      mutation: createTicket,
      variables: { input: { title: draft.title, price: price ?? { minorUnits: 0, currency: draft.currency }, idempotencyKey: draft.key } },
    });
    const { ticket, errors } = data.createTicket;
    if (!ticket) return error ? [error, ...errors.filter(({ path }) => path?.[1] !== 'price' || path[2] === 'currency')] : errors;
    forget();
    toast('Your ticket is listed.', { tone: 'success' });
    await navigate(`/tickets/${ticket.id}`, { replace: true });
    return undefined;
  });
  const used = form.errors.some((error) => error.__typename === 'IdempotencyKeyReusedError');
  return (
    <Page title="Sell a ticket" lead="It goes on sale right away. You can edit it or take it off sale until someone reserves it.">
      <div className={css.columns}>
        <form {...form.props} className={css.form}>
          <FormErrors form={form}>
            {used && (
              <p>
                See <Link to="/listings">your listings</Link>. Is this a different ticket?{' '}
                <button type="button" className={css.link} onClick={() => setDraft({ ...draft, key: newKey() })}>
                  List it too
                </button>
              </p>
            )}
          </FormErrors>
          <TicketFields form={form} draft={draft} onChange={(next) => setDraft({ ...draft, ...next })} />
          <Button type="submit" look="primary" wide busy={form.pending}>
            List ticket
          </Button>
        </form>
        <Preview draft={draft} />
      </div>
    </Page>
  );
}

const byRegion: Partial<Record<string, string>> = { US: 'USD', GB: 'GBP', JP: 'JPY' };

/** The currency of the visitor's region. */
function usualCurrency(): string {
  const { language, region } = new Intl.Locale(navigator.language).maximize();
  return byRegion[region ?? ''] ?? (language === 'en' ? 'USD' : 'EUR');
}
