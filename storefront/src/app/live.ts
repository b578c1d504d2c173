// Live updates. A subscription sends the current state and then each change. Its responses go into the cache, from
// where queries show them.
import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import type { DocumentNode } from 'graphql';
import { useEffect } from 'react';
import { codes } from './failure';

const final = ['NOT_FOUND', 'UNAUTHENTICATED', 'BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'DOCUMENT_NOT_TRUSTED'];

/** Whether a retry would fail with the same error. */
const isFinal = (error: unknown) => codes(error).some((code) => final.includes(code));

/** Subscribes while the component is mounted, unless `skip` is set. */
export function useLive<D, V extends OperationVariables>(subscription: TypedDocumentNode<D, V>, variables: V, { skip = false } = {}) {
  const client = useApolloClient();
  const query: DocumentNode = subscription;
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (skip) return;
    let timer: ReturnType<typeof setTimeout>;
    let running: { unsubscribe(): void } | undefined;
    let failures = 0;
    let over = false;
    const retry = () => {
      // The connection itself reconnects; this is for a subscription that the server has ended.
      timer = setTimeout(begin, Math.min(1000 * 2 ** failures++, 30_000) * (0.75 + Math.random() / 2));
    };
    const begin = () => {
      running = client.subscribe({ query, variables: JSON.parse(key) as OperationVariables, errorPolicy: 'all' }).subscribe({
        next: ({ error }) => {
          if (error) over = isFinal(error);
          else failures = 0;
        },
        error: (error: unknown) => {
          if (!isFinal(error)) retry();
        },
        complete: () => {
          if (!over) retry();
        },
      });
    };
    begin();
    return () => {
      clearTimeout(timer);
      running?.unsubscribe();
    };
  }, [client, query, key, skip]);
}
