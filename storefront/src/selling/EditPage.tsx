import { useApolloClient, useQuery } from '@apollo/client/react';
import { useLayoutEffect, useRef, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { useLive } from '../app/live';
import { NotFound } from '../app/NotFound';
import { graphql, read } from '../gql';
import type { OwnTicketFragment } from '../gql/graphql';
import { Button } from '../ui/Button';
import { FormErrors } from '../ui/Field';
import { useForm } from '../ui/form';
import { Icon } from '../ui/Icon';
import { Notice } from '../ui/Notice';
import { Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { draftOf, priceOf, useKept, type Draft } from './draft';
import { editQuery, ownTicket, ownTicketUpdated } from './edit';
import { differences, natural, same, take, type Field, type Side } from './merge';
import { Merge } from './Merge';
import { reasonOf, sellersWords } from './reasons';
import { FormSkeleton } from './skeletons';
import { Preview, TicketFields } from './TicketFields';
import { Withdraw } from './Withdraw';
import css from './Selling.module.css';

const updateTicket = graphql(`
  mutation UpdateTicket($input: UpdateTicketInput!) {
    updateTicket(input: $input) {
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
        ... on StaleVersionError {
          ticket {
            id
            ...OwnTicket
          }
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
        ... on TicketWithdrawnError {
          ticket {
            id
            ...OwnTicket
          }
        }
      }
    }
  }
`);

export default function EditPage() {
  const { id = '' } = useParams();
  const { data, error, loading, refetch } = useQuery(editQuery, { variables: { id } });
  useLive(ownTicketUpdated, { id }, { skip: !data?.ticket });
  if (data?.ticket) return <Edit key={id} ticket={read(ownTicket, data.ticket)} />;
  if (loading) return <FormSkeleton />;
  if (!error) return <NotFound what="Ticket" />;
  return (
    <Page title="This ticket couldn’t load">
      <FailureNotice failure={failure(error)} retry={() => void refetch().catch(ignore)} />
    </Page>
  );
}

/** Errors whose reason is shown with the ticket. */
const reasonErrors: string[] = ['TicketReservedError', 'TicketSoldError', 'TicketWithdrawnError'];

interface Editing {
  /** The ticket when the seller began to edit. */
  base: Draft;
  mine: Draft;
  /** The chosen version of each field, and the other version at the time of the choice. */
  picks: Partial<Record<Field, { side: Side; theirs: Draft }>>;
}

const unchanged = (ticket: OwnTicketFragment): Editing => ({ base: draftOf(ticket), mine: draftOf(ticket), picks: {} });

function Edit({ ticket }: { ticket: OwnTicketFragment }) {
  const client = useApolloClient();
  const navigate = useNavigate();
  const { id } = ticket;
  const [kept, setState, forget] = useKept<Editing>(`edit:${id}`, () => unchanged(ticket));
  const theirs = draftOf(ticket);
  const touched = JSON.stringify(kept.mine) !== JSON.stringify(kept.base); // compared as text: `64` is not `64.00` yet
  // Until something is typed, the form follows the ticket.
  const state = touched ? kept : unchanged(ticket);
  const { base, mine, picks } = state;

  const moved = touched && differences(base, theirs).length > 0;
  const rows = moved ? differences(mine, theirs).map((field) => ({ field, side: sideOf(field) })) : [];
  const undecided = rows.some(({ side }) => !side);
  const result = rows.reduce((draft, { field, side }) => (side === 'theirs' ? take(field, theirs, draft) : draft), mine);

  function sideOf(field: Field): Side | undefined {
    const pick = picks[field];
    return pick && same(field, pick.theirs, theirs) ? pick.side : natural(field, base, mine, theirs);
  }

  const merge = useRef<HTMLElement>(null);
  const show = () => requestAnimationFrame(() => merge.current?.focus());

  async function done(message: string) {
    forget();
    toast(message, { tone: 'success' });
    await navigate(`/tickets/${id}`);
  }

  const form = useForm(async () => {
    if (undecided) {
      show();
      return undefined;
    }
    const changed = differences(theirs, result);
    if (changed.length === 0) {
      await done('No changes to save.');
      return undefined;
    }
    const { price, error } = changed.includes('price') ? priceOf(result) : {};
    if (error) return [error];
    const input = { ticketId: id, ...(changed.includes('title') && { title: result.title }), ...(price && { price }) };
    let { errors, ...saved } = await save(ticket.version);
    const stale = errors.find((found) => found.__typename === 'StaleVersionError');
    const now = stale?.ticket && read(ownTicket, stale.ticket);
    // Only the version changed, such as by a reservation that was cancelled: there is nothing to compare.
    if (now && differences(draftOf(now), theirs).length === 0) ({ errors, ...saved } = await save(now.version));
    else if (stale) {
      show(); // the error carries the other version
      return undefined;
    }
    if (saved.ticket) await done('Changes saved.');
    // These errors carry the ticket, whose reason is shown below.
    return errors.filter(({ __typename }) => !reasonErrors.includes(__typename));

    async function save(expectedVersion: number) {
      const { data } = await client.mutate({ mutation: updateTicket, variables: { input: { ...input, expectedVersion } } });
      return data.updateTicket;
    }
  });

  const reason = reasonOf(ticket.viewerCannotUpdateReasons);
  const foreign = ticket.viewerCannotUpdateReasons.includes('NOT_OWNER');
  return (
    <Page
      title="Edit listing"
      lead={
        <Link to="/listings" className={css.back}>
          <Icon name="back" /> Your listings
        </Link>
      }
    >
      <div className={css.columns}>
        <form {...form.props} className={css.form}>
          <FormErrors form={form} words={sellersWords}>
            <p>
              <Link to={`/tickets/${id}`}>View ticket</Link> or <Link to="/listings">your listings</Link>.
            </p>
          </FormErrors>
          {moved && (
            <Merge
              ref={merge}
              mine={mine}
              theirs={theirs}
              rows={rows}
              pick={(field, side) => setState({ ...state, picks: { ...picks, [field]: { side, theirs } } })}
            />
          )}
          <fieldset className={css.form} disabled={!!reason}>
            <TicketFields
              form={form}
              draft={result}
              onChange={(typed) => {
                // A field that is edited becomes the seller's version.
                const field = typed.title === result.title ? 'price' : 'title';
                setState({ base, mine: take(field, typed, mine), picks: moved ? { ...picks, [field]: { side: 'mine', theirs } } : {} });
              }}
            />
            <Button type="submit" look="primary" wide busy={form.pending} disabled={!!reason}>
              {moved ? 'Save this version' : 'Save'}
            </Button>
          </fieldset>
          {!foreign && ticket.availability !== 'SOLD' && ticket.availability !== 'WITHDRAWN' && (
            <Withdraw ticket={ticket} disabled={!!reason} onDone={forget} />
          )}
        </form>
        <Preview id={id} draft={result} />
      </div>
      <Why reason={reason} />
    </Page>
  );
}

/**
 * The reason why the ticket cannot be edited now. Screen readers announce changes. It sticks to the bottom of the
 * window, so that the form keeps its place.
 */
function Why({ reason }: { reason: ReturnType<typeof reasonOf> }) {
  const place = useRef<HTMLDivElement>(null);
  const [was, setWas] = useState(false);
  if (reason && !was) setWas(true);
  const closed = !!reason;
  useLayoutEffect(() => {
    // A disabled field loses the focus.
    if (closed && document.activeElement?.closest('fieldset:disabled')) place.current?.focus();
  }, [closed]);
  return (
    <div ref={place} tabIndex={-1} role="status" className={css.why}>
      {reason ? (
        <Notice title={reason.title}>{reason.detail}</Notice>
      ) : (
        was && (
          <Notice tone="good" title="You can edit it again">
            The ticket is back on sale.
          </Notice>
        )
      )}
    </div>
  );
}
