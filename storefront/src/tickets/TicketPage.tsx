import { useQuery } from '@apollo/client/react';
import { useEffect, useEffectEvent, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation, useNavigate, useParams } from 'react-router';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { useLive } from '../app/live';
import { Missing } from '../app/Missing';
import { NotFound } from '../app/NotFound';
import { graphql, read } from '../gql';
import type { TicketCardFragment, TicketDetailsFragment } from '../gql/graphql';
import { Buy } from '../orders/Buy';
import { formatMoney } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Poster } from '../ui/Poster';
import { Price } from '../ui/Price';
import { Time } from '../ui/Time';
import { Availability } from './Availability';
import { TicketSkeleton } from './skeletons';
import { fromList, ticketCard } from './TicketCard';
import { ticketQuery } from './ticketQuery';
import { titleParts } from './title';
import css from './Ticket.module.css';

const ticketDetails = graphql(`
  fragment TicketDetails on Ticket {
    createdAt
    viewerCanUpdate
    viewerCannotUpdateReasons
    viewerOrder {
      id
      status
    }
  }
`);

// Only the fields that change, which all come from tickets.
const ticketUpdated = graphql(`
  subscription TicketUpdated($id: ID!) {
    ticketUpdated(ticketId: $id) {
      id
      title
      availability
      version
      price {
        decimal
        minorUnits
        currency
      }
      viewerCanUpdate
      viewerCannotUpdateReasons
    }
  }
`);

export default function TicketPage() {
  const { id = '' } = useParams();
  const { data, error, loading, refetch } = useQuery(ticketQuery, { variables: { id } });
  useLive(ticketUpdated, { id }, { skip: !data?.ticket });
  const availability = data?.ticket && read(ticketCard, data.ticket).availability;
  useChange(availability, () => void refetch().catch(ignore)); // the live update does not include viewerOrder
  if (!data?.ticket) {
    if (loading) return <TicketSkeleton />;
    if (!error) return <NotFound what="Ticket" />;
    return (
      <Page title="This ticket couldn’t load">
        <FailureNotice failure={failure(error)} retry={() => void refetch().catch(ignore)} />
      </Page>
    );
  }
  return (
    <Ticket card={read(ticketCard, data.ticket)} details={read(ticketDetails, data.ticket)}>
      {!loading && <Missing error={error} retry={() => void refetch().catch(ignore)} />}
    </Ticket>
  );
}

function Ticket({ card, details, children }: { card: TicketCardFragment; details: TicketDetailsFragment; children: ReactNode }) {
  const { id, title, availability, price, seller } = card;
  const { what, where } = titleParts(title);
  return (
    <Page title={what} heading={false}>
      <Back />
      {children}
      <article className={css.layout}>
        <Poster seed={id} className={`${css.poster} ${availability === 'AVAILABLE' ? '' : css.gone}`} />
        <div className={css.text}>
          <h1 tabIndex={-1}>{what}</h1>
          {where.length > 0 && (
            <ul className={css.where}>
              {where.map((part) => (
                <li key={part}>{part}</li>
              ))}
            </ul>
          )}
          <section className={css.offer} aria-label="Offer">
            <div className={css.line}>
              <LivePrice amount={price} />
              <span aria-live="polite">
                <Availability of={availability} />
              </span>
            </div>
            <dl className={css.facts}>
              <dt>Sold by</dt>
              <dd>
                {details.viewerCanUpdate ? (
                  <>
                    You · <Link to={`/tickets/${id}/edit`}>Edit</Link>
                  </>
                ) : (
                  (seller?.displayName ?? 'Unavailable')
                )}
              </dd>
              <dt>Listed</dt>
              <dd>
                <Time at={details.createdAt} />
              </dd>
            </dl>
            <Buy ticket={card} order={details.viewerOrder} />
          </section>
        </div>
      </article>
    </Page>
  );
}

/** Calls when the value changes. */
function useChange(value: string | undefined | null, changed: () => void) {
  const last = useRef(value);
  const call = useEffectEvent(changed);
  useEffect(() => {
    if (last.current && value && last.current !== value) call();
    last.current = value;
  }, [value]);
}

/** A price that highlights and announces changes. */
function LivePrice({ amount }: { amount: TicketCardFragment['price'] }) {
  const text = formatMoney(amount);
  const last = useRef(text);
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    if (last.current !== text) setChanges((n) => n + 1);
    last.current = text;
  }, [text]);
  return (
    <span key={changes} className={`${css.price} ${changes > 0 ? css.changed : ''}`} aria-live="polite">
      <Price of={amount} />
    </span>
  );
}

/** Back to the list, with its scroll position if the page was opened from there. */
function Back() {
  const navigate = useNavigate();
  const { state } = useLocation() as { state: Partial<typeof fromList> | null };
  return (
    <Link
      to="/"
      className={css.back}
      onClick={(event) => {
        if (state?.fromList) {
          event.preventDefault();
          void navigate(-1);
        }
      }}
    >
      <Icon name="back" /> All tickets
    </Link>
  );
}
