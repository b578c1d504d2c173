// The cache stores objects by type and id, and one growing list for each filter and sort order.
import type { FieldReadFunction, Reference, TypePolicies } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import generated from '../gql/possible-types';
import { deadlineIn } from '../orders/deadline';

/** The pattern matches error types that are added to the API later. Without it, their message would be dropped. */
export const possibleTypes = { ...generated.possibleTypes, UserError: [...generated.possibleTypes.UserError!, '.*Error'] };

/** Root fields that take an id find objects that the cache has from a list. */
const byId =
  (typename: string): FieldReadFunction<Reference | null> =>
  (existing, { args, toReference }) =>
    existing === undefined ? toReference({ __typename: typename, id: args!.id as string }) : existing;

export const typePolicies: TypePolicies = {
  Query: {
    fields: {
      tickets: relayStylePagination(['filter', 'sort']),
      orders: relayStylePagination(['filter', 'sort']),
      ticket: { keyArgs: ['id'], read: byId('Ticket') },
      order: { keyArgs: ['id'], read: byId('Order') },
      payment: { keyArgs: ['id'], read: byId('Payment') },
    },
  },
  User: { fields: { tickets: relayStylePagination(['filter', 'sort']) } },
  Order: {
    fields: {
      history: relayStylePagination(),
      // The remaining seconds change all the time, so the cache stores the deadline instead.
      secondsUntilExpiry: { merge: (known: number | undefined, seconds: number) => deadlineIn(seconds, known) },
    },
  },
  Viewer: { keyFields: [] }, // a singleton
};
