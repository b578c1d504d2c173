// Refetches the page's queries after the network or the connection for live updates was lost. Subscriptions reconnect
// on their own.
import type { ApolloClient, ObservableQuery } from '@apollo/client';
import { onRestored } from './connection';
import { ignore } from './failure';

export function watchNetwork(client: ApolloClient) {
  const refetchAll = () => client.getObservableQueries('active').forEach((query) => void refetch(client, query).catch(ignore));
  addEventListener('online', refetchAll);
  onRestored(refetchAll);
}

/** Refetches a query, with as many items of a list as are loaded, so that the page keeps its height. */
async function refetch(client: ApolloClient, query: ObservableQuery) {
  const { data, error } = query.getCurrentResult();
  if (error || !data) return query.refetch();
  const { query: document, variables } = query;
  const { first } = variables as { first?: number };
  return client.query({
    query: document,
    variables: {
      ...variables,
      ...(first !== undefined && { first: Math.max(first, Math.min(loaded(data), 100 /* the API's largest page */)) }),
    },
    fetchPolicy: 'network-only',
  });
}

function loaded(data: unknown): number {
  const lists = Object.values(data as Record<string, { edges?: unknown[] } | null>);
  return Math.max(0, ...lists.map((list) => list?.edges?.length ?? 0));
}
