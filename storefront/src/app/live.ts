// Live updates. A subscription begins with the current state and goes on with each change; its answers go
// into the cache, from where queries show them. Nobody reads them here.
import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import type { DocumentNode } from 'graphql';
import { useEffect } from 'react';
import { codes } from './failure';

const final = ['NOT_FOUND', 'FORBIDDEN', 'UNAUTHENTICATED', 'BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'DOCUMENT_NOT_TRUSTED'];

/** Whether another try would only meet the same error again. */
const isFinal = (error: unknown) => codes(error).some((code) => final.includes(code));

/** Keeps what the subscription tells about up to date as long as the component is there; not with `skip`. */
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
    const again = () => {
      // A lost connection is the connection's business; this is a stream that the server has ended.
      timer = setTimeout(begin, Math.min(1000 * 2 ** failures++, 30_000) * (0.75 + Math.random() / 2));
    };
    const begin = () => {
      running = client.subscribe({ query, variables: JSON.parse(key) as OperationVariables, errorPolicy: 'all' }).subscribe({
        next: ({ error }) => {
          if (error) over = isFinal(error);
          else failures = 0;
        },
        error: (error: unknown) => {
          if (!isFinal(error)) again();
        },
        complete: () => {
          if (!over) again();
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
