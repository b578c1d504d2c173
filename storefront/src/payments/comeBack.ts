// A bank sends everybody back to one address, `/payments/return`; which order it was about, this tab remembers.
const slot = 'paying';

export function rememberReturn(orderId: string) {
  try {
    sessionStorage.setItem(slot, orderId);
  } catch {
    // Storage is refused: then they come back to all of their orders.
  }
}

/** Where to go when a bank has sent the buyer back. */
export function returnPath(): string {
  try {
    const orderId = sessionStorage.getItem(slot);
    sessionStorage.removeItem(slot);
    return orderId ? `/orders/${encodeURIComponent(orderId)}` : '/orders';
  } catch {
    return '/orders';
  }
}
