// How the cache keeps what the API answers: objects by type and id, lists as one growing list for each
// filter and order.
import type { FieldReadFunction, Reference, TypePolicies } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import generated from '../gql/possible-types';
import { deadlineIn } from '../orders/deadline';

/** Errors that the API gets after this page was built are errors all the same: without the pattern, they would arrive without their message. */
export const possibleTypes = { ...generated.possibleTypes, UserError: [...generated.possibleTypes.UserError!, '.*Error'] };

/** A root field that looks up one object by id finds it in the cache whatever list it came with. */
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
      // Seconds are old as soon as they are kept, so what is kept is the moment when they are over.
      secondsUntilExpiry: { merge: (known: number | undefined, seconds: number) => deadlineIn(seconds, known) },
    },
  },
  Viewer: { keyFields: [] }, // there is one
};
