import { NetworkStatus } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { Missing } from '../app/Missing';
import { Button } from '../ui/Button';
import { More } from '../ui/More';
import { Page } from '../ui/Page';
import { Filters } from './Filters';
import { listQuery, listVariables } from './listQuery';
import { CardSkeleton } from './skeletons';
import { TicketCard } from './TicketCard';
import css from './Tickets.module.css';

export default function TicketsPage() {
  const [search, setSearch] = useSearchParams();
  const { data, previousData, error, loading, networkStatus, fetchMore, refetch } = useQuery(listQuery, {
    variables: listVariables(search),
  });
  // While a new search loads, the previous results stay, faded.
  const shown = (data ?? (loading ? previousData : undefined))?.tickets;
  const stale = !data && loading;
  const query = search.get('q');
  const narrowed = ['q', 'currency', 'min', 'max'].some((name) => search.has(name));

  const [moreError, setMoreError] = useState<unknown>();
  const more = () => {
    setMoreError(undefined);
    fetchMore({ variables: { after: shown?.pageInfo.endCursor } }).catch(setMoreError);
  };
  const loadingMore = networkStatus === NetworkStatus.fetchMore;

  return (
    <Page title={query ? `“${query}”` : 'Tickets for sale'} heading={false}>
      <header className={css.hero}>
        <h1 tabIndex={-1}>{query ? `Tickets for “${query}”` : 'They can’t go. You can.'}</h1>
        <p aria-live="polite" className={css.count}>
          {shown ? count(shown.totalCount) : '\u00a0'}
        </p>
      </header>
      <Filters />
      {shown && !loading && <Missing error={error} retry={() => void refetch().catch(ignore)} />}
      {!shown && !loading && <FailureNotice failure={failure(error)} retry={() => void refetch().catch(ignore)} />}
      {!shown && loading && (
        <ul className={css.grid} aria-busy="true" aria-label="Loading tickets">
          {Array.from({ length: 8 }, (_, i) => (
            <li key={i}>
              <CardSkeleton />
            </li>
          ))}
        </ul>
      )}
      {shown && shown.edges.length > 0 && (
        <>
          <ul className={css.grid} data-stale={stale || undefined} aria-busy={loading}>
            {shown.edges.map(({ node }) => (
              <li key={node.id}>
                <TicketCard ticket={node} />
              </li>
            ))}
          </ul>
          {shown.pageInfo.hasNextPage && !stale && <More busy={loadingMore} error={moreError} load={more} />}
        </>
      )}
      {shown?.edges.length === 0 && (
        <div className={css.empty}>
          <h2>No tickets found</h2>
          <p>Reserved tickets may come back on sale, so check again later.</p>
          {narrowed && (
            <Button look="primary" onClick={() => setSearch({})}>
              Clear filters
            </Button>
          )}
        </div>
      )}
    </Page>
  );
}

function count(total: number | null): string {
  if (total === null) return 'More than 10,000 tickets';
  return new Intl.NumberFormat(navigator.languages).format(total) + (total === 1 ? ' ticket' : ' tickets');
}
