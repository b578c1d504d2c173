// Short messages, which <Toaster> shows on every page.
export interface Toast {
  id: number;
  text: string;
  tone: 'info' | 'success' | 'warning';
}

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]) {
  toasts = next;
  listeners.forEach((listener) => listener());
}

/** Shows a message for seven seconds. */
export function toast(text: string, { tone = 'info' }: { tone?: Toast['tone'] } = {}) {
  const id = ++last;
  set([...toasts.filter((t) => t.text !== text), { id, text, tone }].slice(-3));
  setTimeout(() => dismiss(id), 7000);
}

export function dismiss(id: number) {
  set(toasts.filter((t) => t.id !== id));
}

export const store = {
  subscribe: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: () => toasts,
};
