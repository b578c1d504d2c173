// The simulator's cards (docs/payments.md): tokens, as a card processor's own form would give them.
export interface TestCard {
  token: string;
  brand: 'visa' | 'mastercard' | 'amex';
  title: string;
  what: string;
}

export const testCards: readonly TestCard[] = [
  { token: 'pm_card_visa', brand: 'visa', title: 'Visa', what: 'Pays at once.' },
  { token: 'pm_card_mastercard', brand: 'mastercard', title: 'Mastercard', what: 'Pays at once.' },
  { token: 'pm_card_amex', brand: 'amex', title: 'American Express', what: 'Pays at once.' },
  { token: 'pm_card_threeDSecure2Required', brand: 'visa', title: 'Careful bank', what: 'Asks you first (3-D Secure).' },
  { token: 'pm_card_visa_chargeDeclined', brand: 'visa', title: 'Refused', what: 'The bank does not say why.' },
  { token: 'pm_card_visa_chargeDeclinedInsufficientFunds', brand: 'visa', title: 'Empty', what: 'Refused: not enough money.' },
];

export const oddCards: readonly TestCard[] = [
  { token: 'pm_card_chargeDeclinedExpiredCard', brand: 'visa', title: 'Too old', what: 'Refused: it has expired.' },
  { token: 'pm_sim_slow', brand: 'visa', title: 'Slow', what: 'Pays, after a while.' },
  { token: 'pm_sim_timeout_after_success', brand: 'visa', title: 'Silent', what: 'Pays, though no answer comes.' },
  { token: 'pm_sim_error_after_success', brand: 'visa', title: 'Confused', what: 'Pays, though the answer is an error.' },
  { token: 'pm_sim_capture_fails', brand: 'visa', title: 'Fickle', what: 'Holds the money and cannot take it.' },
  { token: 'pm_card_pendingRefund', brand: 'visa', title: 'Slow to return', what: 'Pays; refunds take a while.' },
  { token: 'pm_sim_refund_fails', brand: 'visa', title: 'Keeps it', what: 'Pays; refunds fail.' },
];
