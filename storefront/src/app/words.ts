// Words for the typed errors that mutations answer with. Each has its own, and a way out where there is
// one; a type that was added to the API later shows the message that it brings along.

import type { PaymentFailureReason } from '../gql/graphql';
import { failureWords } from '../payments/failures';

/** What every mutation selects of its errors: `errors { __typename ... on UserError { code message path } }`. */
export interface UserError {
  __typename: string;
  code?: string;
  message?: string;
  path?: readonly string[] | null;
}

interface Details extends UserError {
  retryAfterSeconds?: number;
  reason?: PaymentFailureReason;
}

export type Words = string | ((error: Details) => string);

export const words: Record<string, Words> = {
  EmailInUseError: 'There is an account with this e-mail address already. Sign in instead?',
  IdempotencyKeyReusedError: 'This was sent before, with something else in it. Look at what came of that, and begin anew.',
  InvalidCredentialsError: 'E-mail address and password do not belong together.',
  NotAuthorizedError: 'This belongs to somebody else.',
  OrderAlreadyPaidError: 'This order is paid already. Nothing was charged again.',
  OrderNotCancellableError: 'This order is paid, or is being paid right now, and cannot be cancelled.',
  OrderNotFoundError: 'There is no such order.',
  OrderNotPayableError: 'This order has ended. Nothing was charged.',
  OwnTicketError: 'This ticket is yours: you cannot buy it.',
  PaymentDeclinedError: ({ reason }) => `${failureWords(reason)} Nothing was charged.`,
  PaymentInProgressError: 'Another attempt to pay is still under way. Wait for it to end.',
  PaymentNotFoundError: 'There is no such payment.',
  PaymentNotRefundableError: 'There is not so much left to give back.',
  PriceChangedError: 'The price has changed meanwhile. Look at the new one before you go on.',
  RateLimitedError: ({ retryAfterSeconds }) =>
    retryAfterSeconds ? `Too many attempts. Try again in ${duration(retryAfterSeconds)}.` : 'Too many attempts. Try again later.',
  SessionExpiredError: 'You have been signed out. Sign in again.',
  StaleVersionError: 'Somebody changed it meanwhile. Look at the difference before you save.',
  TicketNotForSaleError: 'This ticket is not for sale any more.',
  TicketNotFoundError: 'There is no such ticket.',
  TicketReservedError: 'Somebody was faster: this ticket is taken.',
  TicketWithdrawnError: 'This ticket was taken off sale.',
  TooManyActiveOrdersError: 'You hold as many unpaid orders as one person may. Pay or cancel one first.',
  ValidationError: ({ message }) => sentence(message ?? 'This cannot be right.'),
};

/** What to tell a person about the error; `own` words come first. */
export function wordsFor(error: UserError, own: Record<string, Words> = {}): string {
  const known = own[error.__typename] ?? words[error.__typename];
  if (typeof known === 'function') return known(error);
  return known ?? sentence(error.message ?? 'This was refused.');
}

/** The name of the form's field that the error is about, if it is about one: `email` for `["input", "email"]`. */
export function fieldOf(error: UserError): string | undefined {
  const [root, ...rest] = error.path ?? [];
  return root === 'input' && rest.length > 0 ? rest.join('.') : undefined;
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : first + '.';
}

function duration(seconds: number): string {
  const unit = seconds < 90 ? 'second' : 'minute';
  const value = unit === 'second' ? seconds : Math.ceil(seconds / 60);
  return new Intl.NumberFormat(navigator.language, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}
