// Messages for the reasons why a ticket cannot be edited.
import type { TicketCannotUpdateReason } from '../gql/graphql';

interface Reason {
  title: string;
  detail: string;
}

const reasons: Partial<Record<string, Reason>> = {
  NOT_OWNER: { title: 'This ticket belongs to another account', detail: 'Only its seller can edit it.' },
  SOLD: { title: 'This ticket is sold', detail: 'A sold ticket can’t be edited.' },
  WITHDRAWN: { title: 'You took this ticket off sale', detail: 'To sell it after all, list it again as a new ticket.' },
  RESERVED: {
    title: 'Someone is buying this ticket right now',
    detail: 'If they don’t pay in time, you can edit it again. Your changes stay here.',
  },
  SIGNED_OUT: { title: 'You’re signed out', detail: 'Sign in to edit your ticket.' },
};

/** Why the ticket cannot be edited; undefined when it can. The API lists the most lasting reason first. */
export function reasonOf(given: readonly TicketCannotUpdateReason[]): Reason | undefined {
  if (given.length === 0) return undefined;
  const known = given.map((reason) => reasons[reason]).find(Boolean);
  return known ?? { title: 'This ticket can’t be edited right now', detail: 'Try again later.' };
}

/** Messages of typed errors for sellers; those in app/words.ts are for buyers. */
export const sellersWords: Record<string, string> = {
  NotAuthorizedError: 'This ticket belongs to another account. Switch account?',
  TicketNotFoundError: 'This ticket no longer exists.',
  TicketReservedError: 'Someone has just reserved it. Nothing was changed.',
  TicketSoldError: 'It was just sold. Nothing was changed.',
  TicketWithdrawnError: 'It was taken off sale. Nothing was changed.',
};
