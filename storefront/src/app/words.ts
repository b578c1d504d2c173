// Messages for the typed errors of mutations. A type that is added to the API later shows the API's own message.

import type { PaymentFailureReason } from '../gql/graphql';
import { failureWords } from '../payments/failures';

/** The fields of errors that every mutation selects: `errors { __typename ... on UserError { code message path } }`. */
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
  EmailInUseError: 'This email already has an account. Sign in instead?',
  IdempotencyKeyReusedError: 'This was already sent with different details. Check the result before you try again.',
  InvalidCredentialsError: 'Wrong email or password.',
  NotAuthorizedError: 'This belongs to another account.',
  OrderAlreadyPaidError: 'This order is already paid. You were not charged again.',
  OrderNotCancellableError: 'This order can’t be cancelled: it is paid, or a payment is in progress.',
  OrderNotFoundError: 'Order not found.',
  OrderNotPayableError: 'This order can no longer be paid. Nothing was charged.',
  OwnTicketError: 'You can’t buy your own ticket.',
  PaymentDeclinedError: ({ reason }) => `${failureWords(reason)} Nothing was charged.`,
  PaymentInProgressError: 'A payment is already in progress. Wait for it to finish.',
  PaymentNotFoundError: 'Payment not found.',
  PaymentNotRefundableError: 'The amount exceeds the refundable balance.',
  PriceChangedError: 'The price has changed. Check the new price before you continue.',
  RateLimitedError: ({ retryAfterSeconds }) =>
    retryAfterSeconds ? `Too many attempts. Try again in ${duration(retryAfterSeconds)}.` : 'Too many attempts. Try again later.',
  SessionExpiredError: 'You have been signed out. Sign in again.',
  StaleVersionError: 'This ticket was changed elsewhere. Compare the changes before you save.',
  TicketNotForSaleError: 'This ticket is no longer for sale.',
  TicketNotFoundError: 'Ticket not found.',
  TicketReservedError: 'Someone else has just reserved this ticket.',
  TicketSoldError: 'This ticket has just been sold.',
  TicketWithdrawnError: 'This ticket was taken off sale.',
  TooManyActiveOrdersError: 'You’re holding the maximum number of tickets. Pay for or cancel one first.',
  ValidationError: ({ message }) => sentence(message ?? 'This value is not valid.'),
};

/** The message for the error; `own` messages take precedence. */
export function wordsFor(error: UserError, own: Record<string, Words> = {}): string {
  const known = own[error.__typename] ?? words[error.__typename];
  if (typeof known === 'function') return known(error);
  return known ?? sentence(error.message ?? 'That didn’t work.');
}

/** The name of the form field that the error is about, if any: `email` for `["input", "email"]`. */
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
