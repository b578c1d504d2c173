import { NetworkStatus } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import { useEffect, useEffectEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import { onWake } from '../app/clock';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { setParam } from '../tickets/search';
import { ButtonLink } from '../ui/Button';
import { More } from '../ui/More';
import { Page } from '../ui/Page';
import { ordersQuery, ordersVariables, showOf, shows, type Show } from './listQuery';
import { OrderRow } from './OrderRow';
import { RowSkeleton } from './skeletons';
import css from './Orders.module.css';

export default function OrdersPage() {
  const [search, setSearch] = useSearchParams();
  const show = showOf(search);
  const { data, previousData, error, loading, networkStatus, fetchMore, refetch } = useQuery(ordersQuery, {
    variables: ordersVariables(search),
  });
  const shown = (data ?? (loading ? previousData : undefined))?.orders;
  const stale = !data && loading;
  const again = () => void refetch().catch(ignore);
  useReturn(again);
  const [moreError, setMoreError] = useState<unknown>();
  const more = () => {
    setMoreError(undefined);
    fetchMore({ variables: { after: shown?.pageInfo.endCursor } }).catch(setMoreError);
  };
  return (
    <Page title="Your orders">
      <div className={css.filter} role="group" aria-label="Filter orders">
        {(Object.keys(shows) as Show[]).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={show === name}
            onClick={() => setSearch((s) => setParam(s, 'show', name === 'all' ? '' : name), { replace: true, preventScrollReset: true })}
          >
            {shows[name].label}
          </button>
        ))}
      </div>
      {!shown && !loading && <FailureNotice failure={failure(error)} retry={again} />}
      {!shown && loading && (
        <ul className={css.list} aria-busy="true" aria-label="Loading orders">
          {Array.from({ length: 4 }, (_, i) => (
            <li key={i}>
              <RowSkeleton />
            </li>
          ))}
        </ul>
      )}
      {shown && shown.edges.length > 0 && (
        <>
          <ul className={css.list} data-stale={stale || undefined} aria-busy={loading}>
            {shown.edges.map(({ node }) => (
              <li key={node.id}>
                <OrderRow order={node} />
              </li>
            ))}
          </ul>
          {shown.pageInfo.hasNextPage && !stale && <More busy={networkStatus === NetworkStatus.fetchMore} error={moreError} load={more} />}
        </>
      )}
      {shown?.edges.length === 0 && !stale && (
        <div className={css.empty}>
          <h2>{show === 'live' ? 'Nothing to pay' : 'No orders yet'}</h2>
          <p>{show === 'live' ? 'Tickets that are held for you appear here.' : 'Tickets that you buy appear here.'}</p>
          <ButtonLink to="/" look="primary">
            Browse tickets
          </ButtonLink>
        </div>
      )}
    </Page>
  );
}

/** Calls when the page becomes visible again: there may be new orders from another tab or device. */
function useReturn(call: () => void) {
  const returned = useEffectEvent(call);
  useEffect(() => {
    const visible = () => !document.hidden && returned();
    document.addEventListener('visibilitychange', visible);
    const stop = onWake(() => returned());
    return () => {
      document.removeEventListener('visibilitychange', visible);
      stop();
    };
  }, []);
}
