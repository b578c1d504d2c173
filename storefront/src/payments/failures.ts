import type { PaymentFailureReason } from '../gql/graphql';

const failures: Record<PaymentFailureReason, string> = {
  AUTHENTICATION_FAILED: 'Your bank couldn’t verify your identity.',
  CARD_DECLINED: 'Your bank declined the card.',
  EXPIRED_CARD: 'The card has expired.',
  INSUFFICIENT_FUNDS: 'The card has insufficient funds.',
  PROCESSING_ERROR: 'The card couldn’t be charged.',
};

/** The message for a failed payment. */
export const failureWords = (reason: PaymentFailureReason | undefined) =>
  (reason && (failures as Partial<typeof failures>)[reason]) ?? 'The payment failed.';
