// Sends operations with Apollo Client by the hashes of their documents, over GET if possible, and prints the requests and
// results as JSON.
// Usage: node apollo.mjs URL
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { createHash } from 'node:crypto';

const requests = [];
const recording = async (url, options) => {
  const response = await fetch(url, options);
  const sent = options.method === 'GET' ? Object.fromEntries(new URL(url).searchParams) : JSON.parse(options.body);
  requests.push({ method: options.method, query: 'query' in sent, hash: JSON.stringify(sent).includes('sha256Hash'), status: response.status });
  return response;
};
const client = new ApolloClient({
  cache: new InMemoryCache(),
  defaultOptions: { query: { fetchPolicy: 'no-cache' }, mutate: { fetchPolicy: 'no-cache' } },
  link: ApolloLink.from([
    new PersistedQueryLink({
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
      useGETForHashedQueries: true,
    }),
    new HttpLink({ uri: process.argv[2], fetch: recording, headers: { 'Apollo-Require-Preflight': 'true' } }),
  ]),
});

const query = gql`query Ticket($id: ID!) { ticket(id: $id) { title } }`;
const results = [
  await client.query({ query, variables: { id: 't1' } }),
  await client.query({ query, variables: { id: 't2' } }),
  await client.mutate({ mutation: gql`mutation Ping { ping }` }),
];
console.log(JSON.stringify({ requests, results: results.map(({ data }) => data) }));
