// The WebSocket of all live updates. It opens with the first subscription and closes with the last. It reconnects
// after a pause that doubles up to half a minute, or as soon as the browser is online again. Each connection sends the
// browser's current cookies.
import { createClient } from 'graphql-ws';
import { useSyncExternalStore } from 'react';

const url = location.origin.replace(/^http/, 'ws') + '/graphql';

const backOnline = () => new Promise<void>((resolve) => addEventListener('online', () => resolve(), { once: true }));
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const connection = createClient({
  url,
  retryAttempts: Infinity,
  shouldRetry: () => true, // also after a failed handshake: the router may be restarting
  retryWait: async (retries) => {
    const wait = Math.min(500 * 2 ** retries, 30_000) * (0.75 + Math.random() / 2);
    await (navigator.onLine ? Promise.race([pause(wait), backOnline()]) : backOnline());
  },
  keepAlive: 20_000, // detects a dead connection
});

// A connection ends with each access token and when the router restarts, so only a longer interruption is shown.
const graceMilliseconds = 3000;
let broken = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
function set(value: boolean) {
  clearTimeout(timer);
  timer = undefined;
  if (broken === value) return;
  broken = value;
  listeners.forEach((listener) => listener());
}
connection.on('connected', () => set(false));
connection.on('closed', (event) => {
  if ((event as CloseEvent).code === 1000)
    set(false); // the last subscription has ended
  else timer ??= setTimeout(() => set(true), graceMilliseconds);
});

/** Reconnects with the browser's current cookies. */
export function reconnect() {
  connection.terminate();
}

// A connection from before the network was lost may be dead.
addEventListener('online', reconnect);

/** Calls when live updates work again after an interruption that was shown. */
export function onRestored(call: () => void) {
  listeners.add(() => {
    if (!broken) call();
  });
}

/** Whether live updates are interrupted. */
export function useBroken(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => broken,
  );
}
