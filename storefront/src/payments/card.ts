import type { UserError } from '../app/words';

/** The card form of a card processor. */
export interface CardSource {
  /** The card's token, or errors. The token stays the same until it is used or the card changes. */
  token: () => Promise<{ token: string } | { errors: readonly UserError[] }>;
  /** Call after a response to the token, which can be used once. */
  used: () => void;
}
