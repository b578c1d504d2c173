// One click, one order. The key of an order is made when the page shows the button and belongs to the price that
// the button shows: however often that is sent, the API makes one order of it.

/** What somebody wanted to buy when it turned out that they had to sign in first. */
export interface Intent {
  ticketId: string;
  key: string;
  price: { minorUnits: number; currency: string };
}

const slot = 'buying';

/** Keeps it for the way back, and returns the address to come back to. Only this tab knows its key. */
export function keepIntent(intent: Intent): string {
  try {
    sessionStorage.setItem(slot, JSON.stringify(intent));
  } catch {
    // Storage is refused: then the button has to be pressed again.
  }
  return `/tickets/${intent.ticketId}?go=${intent.key}`;
}

/** Takes what was kept, once, if the address names it: a link from elsewhere buys nothing. */
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
