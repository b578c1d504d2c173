import { ApolloClient, ApolloLink, InMemoryCache, gql } from '@apollo/client';
import { of } from 'rxjs';
import { expect, test } from 'vitest';
import { possibleTypes, typePolicies } from './cache';

test('an error type that is added later has its message', async () => {
  const error = { __typename: 'SaleNotOpenError', code: 'SALE_NOT_OPEN', message: 'The sale opens at noon.' };
  const client = new ApolloClient({
    cache: new InMemoryCache({ typePolicies, possibleTypes }),
    link: new ApolloLink(() => of({ data: { createOrder: { __typename: 'CreateOrderPayload', errors: [error] } } })),
    defaultOptions: { watchQuery: { errorPolicy: 'all' } },
  });
  const mutation = gql`
    mutation {
      createOrder(input: { ticketId: "tkt_any" }) {
        errors {
          __typename
          ... on UserError {
            code
            message
          }
        }
      }
    }
  `;
  expect((await client.mutate({ mutation })).data).toMatchObject({ createOrder: { errors: [error] } });
});
