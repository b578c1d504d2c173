// How the cache keeps what the API answers: objects by type and id, lists as one growing list for each
// filter and order.
import type { FieldReadFunction, TypePolicies } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';

/** A root field that looks up one object by id finds it in the cache whatever list it came with. */
const byId =
  (typename: string): FieldReadFunction =>
  (existing, { args, toReference }) =>
    existing === null ? null : (existing ?? toReference({ __typename: typename, id: args?.id }));

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
  Order: { fields: { history: relayStylePagination() } },
  Viewer: { keyFields: [] }, // there is one
};
