// A ticket as a seller types it. It survives signing in again and reloading the page, and belongs to one viewer and one
// tab.
import { useState } from 'react';
import { readPrice, typedAmount, type Amount } from '../ui/format';
import type { UserError } from '../app/words';

/** A ticket in a form. */
export interface Draft {
  title: string;
  amount: string;
  currency: string;
}

/** The ticket as a form shows it. */
export const draftOf = ({ title, price }: { title: string; price: Amount }): Draft => ({
  title,
  amount: typedAmount(price),
  currency: price.currency,
});

/** The price that was typed, or an error like those of the API. */
export function priceOf({
  amount,
  currency,
}: Draft): { price: { minorUnits: number; currency: string }; error?: undefined } | { price?: undefined; error: UserError } {
  const { minorUnits, fault } = readPrice(amount, currency);
  if (minorUnits) return { price: { minorUnits, currency } };
  const message = amount.trim() ? fault : 'Enter a price.';
  return { error: { __typename: 'ValidationError', path: ['input', 'price', 'minorUnits'], message } };
}

/** State that survives a reload of the page, until it is forgotten. */
export function useKept<T extends object>(key: string, initial: () => T) {
  const [value, setValue] = useState(() => kept(key) ?? initial());
  return [
    value as T,
    (next: T) => {
      setValue(next);
      try {
        sessionStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Storage is disabled: it lasts until the page is reloaded.
      }
    },
    () => {
      try {
        sessionStorage.removeItem(key);
      } catch {
        // Storage is disabled.
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
