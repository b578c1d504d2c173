// A bank sends everybody back to one address, `/payments/return`, with secrets of the payment behind it; which order
// it was about, this tab remembers.
const slot = 'paying';

export function rememberReturn(orderId: string) {
  try {
    sessionStorage.setItem(slot, orderId);
  } catch {
    // Storage is refused: then they come back to all of their orders.
  }
}

/** Makes the bank's address that of the order, before anything else reads it. */
export function comeBack() {
  if (location.pathname === '/payments/return') history.replaceState(null, '', returnPath());
}

function returnPath(): string {
  try {
    const orderId = sessionStorage.getItem(slot);
    sessionStorage.removeItem(slot);
    return orderId ? `/orders/${encodeURIComponent(orderId)}` : '/orders';
  } catch {
    return '/orders';
  }
}
