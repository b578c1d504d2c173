// What the page shows is asked for again when it may have become old: after the network, or the connection
// for live updates, was gone. Subscriptions begin anew by themselves.
import type { ApolloClient, ObservableQuery } from '@apollo/client';
import { onRestored } from './connection';
import { ignore } from './failure';

export function watchNetwork(client: ApolloClient) {
  const again = () => client.getObservableQueries('active').forEach((query) => void ask(client, query).catch(ignore));
  addEventListener('online', again);
  onRestored(again);
}

/** Asks again for what a query has found: as many pages of a list as there are, so that nothing jumps. */
async function ask(client: ApolloClient, query: ObservableQuery) {
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
