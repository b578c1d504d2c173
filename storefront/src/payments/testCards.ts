// The simulator's cards (docs/payments.md): tokens like those of a card processor's own form.
export interface TestCard {
  token: string;
  brand: 'visa' | 'mastercard' | 'amex';
  title: string;
  what: string;
}

export const testCards: readonly TestCard[] = [
  { token: 'pm_card_visa', brand: 'visa', title: 'Visa', what: 'Succeeds.' },
  { token: 'pm_card_mastercard', brand: 'mastercard', title: 'Mastercard', what: 'Succeeds.' },
  { token: 'pm_card_amex', brand: 'amex', title: 'American Express', what: 'Succeeds.' },
  { token: 'pm_card_threeDSecure2Required', brand: 'visa', title: '3-D Secure', what: 'Needs confirmation.' },
  { token: 'pm_card_visa_chargeDeclined', brand: 'visa', title: 'Declined', what: 'No reason given.' },
  { token: 'pm_card_visa_chargeDeclinedInsufficientFunds', brand: 'visa', title: 'Insufficient funds', what: 'Declined.' },
];

export const oddCards: readonly TestCard[] = [
  { token: 'pm_card_chargeDeclinedExpiredCard', brand: 'visa', title: 'Expired card', what: 'Declined.' },
  { token: 'pm_sim_slow', brand: 'visa', title: 'Slow', what: 'Succeeds after a while.' },
  { token: 'pm_sim_timeout_after_success', brand: 'visa', title: 'Timeout', what: 'Succeeds, but the response is lost.' },
  { token: 'pm_sim_error_after_success', brand: 'visa', title: 'Error', what: 'Succeeds, but the response is an error.' },
  { token: 'pm_sim_capture_fails', brand: 'visa', title: 'Capture fails', what: 'Authorizes, but can’t be charged.' },
  { token: 'pm_card_pendingRefund', brand: 'visa', title: 'Slow refund', what: 'Succeeds; refunds take a while.' },
  { token: 'pm_sim_refund_fails', brand: 'visa', title: 'Refund fails', what: 'Succeeds; refunds fail.' },
];
