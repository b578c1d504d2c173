// Sends a query with @defer in each version of the specification that Apollo Client supports, or a subscription, and
// prints the results that an application gets as lines of JSON.
// Usage: node parts.mjs URL AUTHORIZATION defer20220824|incrementalV02|subscription
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';

const [uri, authorization, what] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));
const client = new ApolloClient({
  cache: new InMemoryCache(),
  incrementalHandler: what === 'incrementalV02' ? new GraphQL17Alpha9Handler() : new Defer20220824Handler(),
  link: new HttpLink({
    uri,
    headers: { authorization },
    fetch: async (url, options) => {
      const response = await fetch(url, options);
      print({ accept: options.headers.accept, type: response.headers.get('content-type') });
      return response;
    },
  }),
});

if (what === 'subscription') {
  client.subscribe({ query: gql`subscription { orderUpdated(id: "o1") { id buyer { displayName } ticket { title total } } }` }).subscribe({
    next: ({ data, error }) => print({ data, error: error?.message }),
    error: (error) => print({ failed: error.message }),
    complete: () => print('complete'),
  });
} else {
  const query = gql`
    query { tickets(first: 2) { nodes { id title ... @defer { total seller { ...Seller @defer } } } } }
    fragment Seller on User { displayName }
  `;
  const watched = client.watchQuery({ query }).subscribe(({ data, dataState, error }) => {
    if (dataState !== 'empty') print({ dataState, data, error: error?.message });
    if (dataState === 'complete') watched.unsubscribe();
  });
}
