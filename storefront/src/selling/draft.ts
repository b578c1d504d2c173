// What somebody types about a ticket. It outlives the page: signing in again, or loading the page anew,
// takes nothing away. It belongs to one person and one tab.
import { useState } from 'react';
import { readPrice, typedAmount, type Amount } from '../ui/format';
import type { UserError } from '../app/words';

/** A ticket as it stands in a form. */
export interface Draft {
  title: string;
  amount: string;
  currency: string;
}

/** The ticket as a form would show it. */
export const draftOf = ({ title, price }: { title: string; price: Amount }): Draft => ({
  title,
  amount: typedAmount(price),
  currency: price.currency,
});

/** The price that was typed; or what is wrong with it, told as the API tells such things. */
export function priceOf({
  amount,
  currency,
}: Draft): { price: { minorUnits: number; currency: string }; error?: undefined } | { price?: undefined; error: UserError } {
  const { minorUnits, fault } = readPrice(amount, currency);
  if (minorUnits) return { price: { minorUnits, currency } };
  const message = amount.trim() ? fault : 'Say what it costs.';
  return { error: { __typename: 'ValidationError', path: ['input', 'price', 'minorUnits'], message } };
}

/** State that is still there when the page is opened again, until `forget`. */
export function useKept<T extends object>(key: string, initial: () => T) {
  const [value, setValue] = useState(() => kept(key) ?? initial());
  return [
    value as T,
    (next: T) => {
      setValue(next);
      try {
        sessionStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Storage is refused: it lasts as long as the page.
      }
    },
    () => {
      try {
        sessionStorage.removeItem(key);
      } catch {
        // Then nothing was kept.
      }
    },
  ] as const;
}

function kept(key: string): object | undefined {
  try {
    const text = sessionStorage.getItem(key);
    return text ? (JSON.parse(text) as object) : undefined;
  } catch {
    return undefined;
  }
}
