// The session is a cookie that scripts cannot read, so the page relies on the API's `viewer`.
import type { ApolloClient } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import { ignore } from '../app/failure';
import { connection, reconnect } from '../app/connection';
import { graphql } from '../gql';
import { toast } from '../ui/toast';

export const viewerQuery = graphql(`
  query Viewer {
    viewer {
      email
      user {
        id
        displayName
      }
    }
  }
`);

/** The query for the viewer. It keeps no data of a failed response, which would look as if signed out. */
export const useSession = () => useQuery(viewerQuery, { errorPolicy: 'none' });

/** The viewer: null when signed out, undefined while unknown. */
export const useViewer = () => useSession().data?.viewer;

const tabs = new BroadcastChannel('session');

/** Call after sign-in or sign-out: clears the cache, refetches the page's queries, and notifies other tabs. */
export async function sessionChanged(client: ApolloClient) {
  tabs.postMessage('changed');
  await reset(client);
}

async function reset(client: ApolloClient) {
  reconnect();
  await client.resetStore().catch(ignore); // queries show their own errors
}

/** Call when the API answers UNAUTHENTICATED: the session may have ended elsewhere. */
export function sessionEnded(client: ApolloClient) {
  if (!client.readQuery({ query: viewerQuery })?.viewer) return;
  client.writeQuery({ query: viewerQuery, data: { __typename: 'Query', viewer: null } });
  toast(signedOut, { tone: 'warning' });
  void sessionChanged(client);
}

const signedOut = 'You’ve been signed out.';
/** The code with which the router closes a connection when its access token has expired or its session has ended. */
const forbidden = 4403;

/** Follows changes of the session in other tabs, on other devices, and while the tab is hidden. */
export function watchSession(client: ApolloClient) {
  tabs.onmessage = () => void reset(client);
  connection.on('closed', (event) => {
    if ((event as CloseEvent).code === forbidden) void compare(client).catch(ignore); // checked again on the next close
  });
  let hidden = 0;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hidden = Date.now();
    else if (Date.now() - hidden > 60_000) void compare(client).catch(ignore);
  });
}

async function compare(client: ApolloClient) {
  const before = client.readQuery({ query: viewerQuery })?.viewer?.user.id;
  const { data } = await client.query({ query: viewerQuery, fetchPolicy: 'network-only' });
  if (before === data.viewer?.user.id) return;
  if (!data.viewer) toast(signedOut, { tone: 'warning' });
  await reset(client);
}
