// The WebSocket behind all live updates. It opens with the first subscription, closes with the last, and
// comes back by itself: after a pause that doubles up to half a minute, or at once when the browser is
// online again. Each connection brings the cookies that the browser has at that time.
import { createClient } from 'graphql-ws';
import { useSyncExternalStore } from 'react';

const url = location.origin.replace(/^http/, 'ws') + '/graphql';

const backOnline = () => new Promise<void>((resolve) => addEventListener('online', () => resolve(), { once: true }));
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const connection = createClient({
  url,
  retryAttempts: Infinity,
  shouldRetry: () => true, // a refused handshake, too: the router may be about to restart
  retryWait: async (retries) => {
    const wait = Math.min(500 * 2 ** retries, 30_000) * (0.75 + Math.random() / 2);
    await (navigator.onLine ? Promise.race([pause(wait), backOnline()]) : backOnline());
  },
  keepAlive: 20_000, // notices a connection that died silently
});

// Connections end with each access token and with a restart of the router; only what lasts is worth a word.
const worthTelling = 3000;
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
    set(false); // nobody is subscribed any more
  else timer ??= setTimeout(() => set(true), worthTelling);
});

/** Connects anew, with the cookies that the browser has now. */
export function reconnect() {
  connection.terminate();
}

// A connection from before the network was gone may be dead without saying so.
addEventListener('online', reconnect);

/** Calls when live updates come again after they did not for long enough to say so. */
export function onRestored(call: () => void) {
  listeners.add(() => {
    if (!broken) call();
  });
}

/** Whether live updates are wanted and do not come at the moment. */
export function useBroken(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => broken,
  );
}
