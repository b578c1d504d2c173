// The API client: HTTP for queries and mutations, a WebSocket for subscriptions, both on the page's origin with its
// cookies, which the router renews.
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
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Apollo Client reads its default options from this type
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
      watchQuery: { errorPolicy: 'all' }, // keep the data of available services
    },
    devtools: { enabled: import.meta.env.DEV },
  });
  return client;
}

/**
 * Sends the hash of a document instead of its text; the router has the manifest that the build wrote. After a router
 * without the manifest, such as in development, rejects a hash, texts are sent.
 */
function trustedDocuments(): ApolloLink {
  const rejected = ({ error }: { error: unknown }) =>
    codes(error).some((code) => code === 'PERSISTED_QUERY_NOT_FOUND' || code === 'PERSISTED_QUERY_NOT_SUPPORTED');
  return new PersistedQueryLink({
    generateHash: (document) => (document as { __meta__?: { hash: string } }).__meta__!.hash.replace('sha256:', ''),
    disable: rejected,
    retry: rejected,
  });
}

/** Apollo's link sends the text along with the hash, but formatted differently, so that the hash does not match. */
function live(): ApolloLink {
  return new GraphQLWsLink({
    ...connection,
    subscribe: (payload, sink) => connection.subscribe(payload.extensions?.persistedQuery ? { ...payload, query: '' } : payload, sink),
  });
}
