// Banks redirect to `/payments/return`, with secrets of the payment in the address. The tab remembers the order.
const slot = 'paying';

export function rememberReturn(orderId: string) {
  try {
    sessionStorage.setItem(slot, orderId);
  } catch {
    // Storage is disabled: the bank leads back to the list of orders.
  }
}

/** Replaces the bank's return address with that of the order, before other code reads it. */
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
