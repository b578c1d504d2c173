import { NetworkStatus } from '@apollo/client';
import { useApolloClient, useQuery } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useViewer } from '../account/session';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { Missing } from '../app/Missing';
import { useLive } from '../app/live';
import { read, type FragmentType } from '../gql';
import { Availability } from '../tickets/Availability';
import { titleParts } from '../tickets/title';
import { ButtonLink } from '../ui/Button';
import { More } from '../ui/More';
import { Hidden } from '../ui/Hidden';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Poster } from '../ui/Poster';
import { Price } from '../ui/Price';
import { Time } from '../ui/Time';
import { ownTicket, ownTicketUpdated } from './edit';
import { countsQuery, countsVariables, listingsQuery, listingsVariables, shelfOf, shelves, type Shelf } from './listings';
import { ListingsSkeleton, RowSkeleton } from './skeletons';
import css from './Selling.module.css';

export default function ListingsPage() {
  const viewer = useViewer();
  return viewer ? <Listings key={viewer.user.id} seller={viewer.user.id} /> : <ListingsSkeleton />;
}

function Listings({ seller }: { seller: string }) {
  const [search] = useSearchParams();
  const shelf = shelfOf(search);
  const { data, previousData, error, loading, networkStatus, fetchMore } = useQuery(listingsQuery, {
    variables: listingsVariables(seller, shelf),
  });
  const shown = (data ?? (loading ? previousData : undefined))?.tickets;
  const stale = !data && loading;
  const client = useApolloClient();
  const again = () => void client.refetchQueries({ include: [listingsQuery, countsQuery] }).catch(ignore);
  const [moreError, setMoreError] = useState<unknown>();
  const more = () => {
    setMoreError(undefined);
    fetchMore({ variables: { after: shown?.pageInfo.endCursor } }).catch(setMoreError);
  };
  return (
    <Page title="Your listings" heading={false}>
      <header className={css.hero}>
        <h1 tabIndex={-1}>Your listings</h1>
        <ButtonLink to="/sell" look="primary">
          <Icon name="plus" /> Sell a ticket
        </ButtonLink>
      </header>
      <Shelves seller={seller} current={shelf} />
      {shown && !loading && <Missing error={error} retry={again} />}
      {!shown && !loading && <FailureNotice failure={failure(error)} retry={again} />}
      {!shown && loading && (
        <ul className={css.rows} aria-busy="true" aria-label="Loading your tickets">
          {Array.from({ length: 5 }, (_, i) => (
            <li key={i}>
              <RowSkeleton />
            </li>
          ))}
        </ul>
      )}
      {shown && shown.edges.length > 0 && (
        <>
          <ul className={css.rows} data-stale={stale || undefined} aria-busy={loading} aria-label="Your tickets">
            {shown.edges.map(({ node }) => (
              <li key={node.id}>
                <Row ticket={node} seller={seller} />
              </li>
            ))}
          </ul>
          {shown.pageInfo.hasNextPage && !stale && <More busy={networkStatus === NetworkStatus.fetchMore} error={moreError} load={more} />}
        </>
      )}
      {shown?.edges.length === 0 && <Nothing on={shelf} />}
    </Page>
  );
}

/** Links to the seller's tickets by availability, with their numbers. */
function Shelves({ seller, current }: { seller: string; current: Shelf }) {
  const { data } = useQuery(countsQuery, { variables: countsVariables(seller) });
  return (
    <nav className={css.shelves} aria-label="Filter your tickets">
      {Object.entries(shelves).map(([shelf, { label }]) => {
        const count = data?.[shelf as Shelf]?.totalCount;
        return (
          <Link
            key={shelf}
            to={shelf === 'all' ? '/listings' : `/listings?show=${shelf}`}
            aria-current={shelf === current ? 'page' : undefined}
            preventScrollReset
            replace
          >
            {label} <span className={css.count}>{count === undefined ? '' : (count ?? '10,000+')}</span>
          </Link>
        );
      })}
    </nav>
  );
}

function Row({ ticket, seller }: { ticket: FragmentType<typeof ownTicket>; seller: string }) {
  const { id, title, availability, price, updatedAt, viewerCanUpdate } = read(ownTicket, ticket);
  const { what, where } = titleParts(title);
  const place = useRef<HTMLElement>(null);
  // Subscribes only to visible tickets that can still change: a connection is limited to 50 subscriptions.
  const seen = useSeen(place);
  useLive(ownTicketUpdated, { id }, { skip: !seen || availability === 'WITHDRAWN' });
  useCountsAfter(availability, seller);
  return (
    <article ref={place} className={css.row} data-gone={availability === 'SOLD' || availability === 'WITHDRAWN' || undefined}>
      <Poster seed={id} className={css.thumb} />
      <div className={css.about}>
        <h2>
          <Link to={`/tickets/${id}`}>{what}</Link>
        </h2>
        {where.length > 0 && <p className={css.where}>{where.join(' · ')}</p>}
        <p className={css.where}>
          {since[availability] ?? 'Updated'} <Time at={updatedAt} />
        </p>
      </div>
      <strong className={css.amount}>
        <Price of={price} />
      </strong>
      <span className={css.state} aria-live="polite">
        <Availability of={availability} />
      </span>
      <span className={css.action}>
        {viewerCanUpdate && (
          <ButtonLink to={`/tickets/${id}/edit`}>
            Edit<Hidden> {what}</Hidden>
          </ButtonLink>
        )}
      </span>
    </article>
  );
}

const since: Partial<Record<string, string>> = { AVAILABLE: 'Updated', RESERVED: 'Reserved', SOLD: 'Sold', WITHDRAWN: 'Off sale' };

function useSeen(ref: React.RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setSeen(!!entry?.isIntersecting), { rootMargin: '200px' });
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, [ref]);
  return seen;
}

/** Refetches the numbers when the availability of a ticket has changed. */
function useCountsAfter(availability: string, seller: string) {
  const client = useApolloClient();
  const last = useRef(availability);
  useEffect(() => {
    if (last.current === availability) return;
    last.current = availability;
    client.query({ query: countsQuery, variables: countsVariables(seller), fetchPolicy: 'network-only' }).catch(ignore);
  }, [client, availability, seller]);
}

const nothing: Record<Shelf, [title: string, text: string]> = {
  all: ['No listings yet', 'Got a ticket you can’t use? Someone would love to go.'],
  available: ['No tickets on sale', 'A reserved ticket returns here if it isn’t paid for.'],
  reserved: ['No tickets reserved', 'A ticket appears here while someone is paying for it.'],
  sold: ['No tickets sold yet', 'Tickets appear here once they’re paid for.'],
  withdrawn: ['No tickets off sale', 'Tickets that you take off sale appear here.'],
};

function Nothing({ on }: { on: Shelf }) {
  const [title, text] = nothing[on];
  return (
    <div className={css.empty}>
      <h2>{title}</h2>
      <p>{text}</p>
    </div>
  );
}
