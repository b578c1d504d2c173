import type { UserError } from '../app/words';

/** A form for a card, of whoever takes it. */
export interface CardSource {
  /** The card's token, or what is wrong with the card. Stays the same until it is used up, or the card is another. */
  token: () => Promise<{ token: string } | { errors: readonly UserError[] }>;
  /** The token was answered, and is worth nothing any more. */
  used: () => void;
}
