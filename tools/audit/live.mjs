// Subscribes to an order with a popular client library until the order is complete, and prints a line for each event.
// Each connection has a new token: token-anna.1, token-anna.2, …
// Usage: node live.mjs graphql-ws|apollo|graphql-sse URL
import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import * as sse from 'graphql-sse';
import * as ws from 'graphql-ws';
import { WebSocket } from 'ws';

const [kind, url] = process.argv.slice(2);
const query = 'subscription Order { orderUpdated(id: "o1") { id buyer { displayName } } }';
const print = (...parts) => console.log(parts.join(' '));
globalThis.WebSocket = WebSocket; // browsers have it, and Node.js since version 22
let connections = 0;
const credentials = () => ({ Authorization: `Bearer token-anna.${++connections}` });
const retry = { retryAttempts: 1000, retryWait: () => new Promise((resolve) => setTimeout(resolve, 10)) };

const socket = () =>
  ws.createClient({
    url,
    connectionParams: credentials,
    ...retry,
    shouldRetry: () => true, // also while the router is down
    on: { connected: () => print('connected'), closed: ({ code, reason }) => print('closed', code, reason) },
  });
const sink = {
  next: (result) => print('next', JSON.stringify(result)),
  error: (error) => print('error', JSON.stringify(error) + String(error)),
  complete: () => print('complete'),
};
const follow = {
  'graphql-ws': () => socket().subscribe({ query }, sink),
  'graphql-sse': () => sse.createClient({ url, headers: credentials, ...retry }).subscribe({ query }, sink),
  apollo: () => {
    const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socket()) });
    client.subscribe({ query: gql(query) }).subscribe({ ...sink, next: ({ data }) => sink.next({ data }) });
  },
};
print('begins');
follow[kind]();
