// Why a seller's ticket is as it is, in words.
import type { TicketCannotUpdateReason } from '../gql/graphql';

interface Reason {
  title: string;
  detail: string;
}

const reasons: Partial<Record<string, Reason>> = {
  NOT_OWNER: { title: 'This ticket belongs to somebody else', detail: 'Only its seller can change it.' },
  SOLD: { title: 'This ticket is sold', detail: 'Somebody has paid for what it said, so it stays as it is.' },
  WITHDRAWN: { title: 'You have withdrawn this ticket', detail: 'That is for good. If you want to sell it after all, offer it anew.' },
  RESERVED: {
    title: 'Somebody is buying this ticket right now',
    detail: 'If they do not pay in time, you can change it again. Whatever you have typed stays here.',
  },
  SIGNED_OUT: { title: 'You are signed out', detail: 'Sign in to change your ticket.' },
};

/** Why the ticket cannot be changed; nothing when it can. The first reason is the one that no other outlasts. */
export function reasonOf(given: readonly TicketCannotUpdateReason[]): Reason | undefined {
  if (given.length === 0) return undefined;
  const known = given.map((reason) => reasons[reason]).find(Boolean);
  return (
    known ?? { title: 'This ticket cannot be changed', detail: 'There is a reason that this page does not know yet. Try again later.' }
  );
}

/** What sellers hear of the typed errors, which buyers hear in other words. */
export const sellersWords: Record<string, string> = {
  NotAuthorizedError: 'This ticket belongs to somebody else. You may be signed in with another account than you think.',
  TicketNotFoundError: 'This ticket is not there any more.',
  TicketReservedError: 'Somebody was faster and has reserved it. Nothing was changed.',
  TicketWithdrawnError: 'It was withdrawn meanwhile. Nothing was changed.',
};
