/**
 * A new idempotency key. `crypto.randomUUID` would do, and is there only where the page is served by HTTPS or from
 * this computer.
 */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
