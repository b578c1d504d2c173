// Lets Apollo Client follow a subscription over HTTP, and prints what an application sees as lines of JSON.
// Usage: node parts.mjs URL AUTHORIZATION subscription
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';

const [uri, authorization, what] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));
const client = new ApolloClient({
  cache: new InMemoryCache(),
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
}
