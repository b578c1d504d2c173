import type { PaymentFailureReason } from '../gql/graphql';

const failures: Record<PaymentFailureReason, string> = {
  AUTHENTICATION_FAILED: 'Your bank was not convinced that it was you.',
  CARD_DECLINED: 'Your bank refused, and did not say why.',
  EXPIRED_CARD: 'The card has expired.',
  INSUFFICIENT_FUNDS: 'There is not enough money on the card.',
  PROCESSING_ERROR: 'The money could not be taken from the card.',
};

/** Why there is no money. */
export const failureWords = (reason: PaymentFailureReason | undefined) =>
  (reason && (failures as Partial<typeof failures>)[reason]) ?? 'The payment did not go through.';
