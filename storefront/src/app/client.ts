// The one way to the API: operations go by HTTP, subscriptions by WebSocket, both on this page's own
// origin with its cookies, which the router renews by itself.
import { ApolloClient, ApolloLink, InMemoryCache } from '@apollo/client';
import { ErrorLink } from '@apollo/client/link/error';
import { HttpLink } from '@apollo/client/link/http';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { connection } from './connection';
import { codes, noteRequestId } from './failure';
import { possibleTypes, typePolicies } from './cache';
import { sessionEnded } from '../account/session';

declare module '@apollo/client' {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- this is how Apollo Client is told
  namespace ApolloClient {
    // eslint-disable-next-line @typescript-eslint/no-namespace -- the same
    namespace DeclareDefaultOptions {
      interface WatchQuery {
        errorPolicy: 'all';
      }
    }
  }
}

export function createClient(): ApolloClient {
  const client: ApolloClient = new ApolloClient({
    link: ApolloLink.from([
      new ErrorLink(({ error, operation }) => {
        noteRequestId(error, operation.getContext().response as Response | undefined);
        if (codes(error).includes('UNAUTHENTICATED')) sessionEnded(client);
      }),
      trustedDocuments(),
      ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        live(),
        new HttpLink({ uri: '/graphql', credentials: 'same-origin' }),
      ),
    ]),
    cache: new InMemoryCache({ typePolicies, possibleTypes }),
    defaultOptions: {
      watchQuery: { errorPolicy: 'all' }, // what one service cannot answer takes nothing away from the rest
    },
    devtools: { enabled: import.meta.env.DEV },
  });
  return client;
}

/**
 * Sends the hash of a document instead of its text; the router has the manifest that the build wrote. To
 * one that has not, such as in development, texts are sent from the first refusal on.
 */
function trustedDocuments(): ApolloLink {
  const refused = ({ error }: { error: unknown }) =>
    codes(error).some((code) => code === 'PERSISTED_QUERY_NOT_FOUND' || code === 'PERSISTED_QUERY_NOT_SUPPORTED');
  return new PersistedQueryLink({
    generateHash: (document) => (document as { __meta__?: { hash: string } }).__meta__!.hash.replace('sha256:', ''),
    disable: refused,
    retry: refused,
  });
}

/** Apollo's link sends the text along with the hash, which then would have to be that of the very same text. */
function live(): ApolloLink {
  return new GraphQLWsLink({
    ...connection,
    subscribe: (payload, sink) => connection.subscribe(payload.extensions?.persistedQuery ? { ...payload, query: '' } : payload, sink),
  });
}
