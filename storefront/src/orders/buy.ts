// One order per purchase. The idempotency key is created with the button and includes its price, so that repeated
// requests create one order.

/** A purchase that was interrupted by signing in. */
export interface Intent {
  ticketId: string;
  key: string;
  price: { minorUnits: number; currency: string };
}

const slot = 'buying';

/** Stores the purchase in this tab and returns the address that resumes it. */
export function keepIntent(intent: Intent): string {
  try {
    sessionStorage.setItem(slot, JSON.stringify(intent));
  } catch {
    // Storage is disabled: the button has to be pressed again.
  }
  return `/tickets/${intent.ticketId}?go=${intent.key}`;
}

/** Returns the stored purchase, once, if the address has its key. A link from elsewhere buys nothing. */
export function takeIntent(ticketId: string, search: URLSearchParams): Intent | undefined {
  const key = search.get('go');
  if (!key) return undefined;
  try {
    const intent = JSON.parse(sessionStorage.getItem(slot) ?? 'null') as Intent | null;
    if (intent?.key !== key || intent.ticketId !== ticketId) return undefined;
    sessionStorage.removeItem(slot);
    return intent;
  } catch {
    return undefined;
  }
}

export const keyFor = (key: string, { minorUnits, currency }: Intent['price']) => `${key}-${minorUnits}${currency}`;
