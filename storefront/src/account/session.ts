// Who is signed in. The session itself is a cookie that no script can read; `viewer` is what the API says
// about it, and the only thing that the page believes.
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

/**
 * What the API says about who is signed in. An error must not look like somebody who has signed out, so
 * nothing of such an answer is kept.
 */
export const useSession = () => useQuery(viewerQuery, { errorPolicy: 'none' });

/** The person who is signed in: null when nobody is, undefined as long as that is not known. */
export const useViewer = () => useSession().data?.viewer;

const tabs = new BroadcastChannel('session');

/** Call after signing in or out: forgets what was somebody else's, asks anew, and tells the other tabs. */
export async function sessionChanged(client: ApolloClient) {
  tabs.postMessage('changed');
  await forget(client);
}

async function forget(client: ApolloClient) {
  reconnect();
  await client.resetStore().catch(ignore); // clears it, then asks again for what the page shows, which tells what failed
}

/** Call when the API says that nobody is signed in: if somebody was, the session has ended elsewhere. */
export function sessionEnded(client: ApolloClient) {
  if (!client.readQuery({ query: viewerQuery })?.viewer) return;
  client.writeQuery({ query: viewerQuery, data: { __typename: 'Query', viewer: null } });
  toast(signedOut, { tone: 'warning' });
  void sessionChanged(client);
}

const signedOut = 'You have been signed out.';
/** The router closes a connection with it when the access token ran out, which is renewed, or the session ended. */
const forbidden = 4403;

/** Keeps this tab in step with the others, with other devices, and with what happened while nobody looked at it. */
export function watchSession(client: ApolloClient) {
  tabs.onmessage = () => void forget(client);
  connection.on('closed', (event) => {
    if ((event as CloseEvent).code === forbidden) void compare(client).catch(ignore); // later, then
  });
  let hidden = 0;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hidden = Date.now();
    else if (Date.now() - hidden > 60_000) void compare(client).catch(ignore); // offline, then: later
  });
}

async function compare(client: ApolloClient) {
  const before = client.readQuery({ query: viewerQuery })?.viewer?.user.id;
  const { data } = await client.query({ query: viewerQuery, fetchPolicy: 'network-only' });
  if (before === data.viewer?.user.id) return;
  if (!data.viewer) toast(signedOut, { tone: 'warning' });
  await forget(client);
}
