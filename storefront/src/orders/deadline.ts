// The deadline of an order. The API returns `secondsUntilExpiry`, because the visitor's clock may be wrong. The cache
// converts it to a moment of the page's own clock (see cache.ts), which fragments select as `deadline`.
import { useSyncExternalStore } from 'react';
import { now } from '../app/clock';

/** Seconds are rounded and responses take time: smaller differences must not make the countdown jump. */
const noise = 1500;

/** The deadline `seconds` from now, or the known one if it differs only by noise. */
export function deadlineIn(seconds: number, known?: number, at = now()): number {
  const deadline = at + seconds * 1000;
  return known !== undefined && (Math.abs(known - deadline) < noise || Math.max(known, deadline) <= at) ? known : deadline;
}

export const secondsLeft = (deadline: number, at = now()) => Math.max(0, Math.ceil((deadline - at) / 1000));

function everySecondUntil(deadline: number, tick: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const schedule = () => {
    const left = deadline - now();
    if (left > 0) timer = setTimeout(ticked, (left % 1000) + 1); // just after the seconds change
  };
  const ticked = () => {
    tick();
    schedule();
  };
  schedule();
  // Timers of a page in the background are late.
  document.addEventListener('visibilitychange', tick);
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', tick);
  };
}

/** Whole seconds until the deadline, as they pass. */
export function useSecondsLeft(deadline: number): number {
  return useSyncExternalStore(
    (tick) => everySecondUntil(deadline, tick),
    () => secondsLeft(deadline),
  );
}

/** Whether the deadline has passed. */
export function useOverdue(deadline: number): boolean {
  return useSyncExternalStore(
    (tick) => everySecondUntil(deadline, tick),
    () => secondsLeft(deadline) === 0,
  );
}

/** `14:05`, `1:00:00`. */
export function digits(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const steps = [10, 30, 60, 120, 300, 600];
const unit = (value: number, unit: 'second' | 'minute') =>
  new Intl.NumberFormat(navigator.languages, { style: 'unit', unit, unitDisplay: 'long' }).format(value);

/** The text that screen readers announce. It changes at a few steps only. */
export function announcement(left: number): string {
  const step = left > 0 ? steps.find((s) => left <= s) : undefined;
  if (!step) return '';
  return `Less than ${step < 60 ? unit(step, 'second') : unit(step / 60, 'minute')} left to pay.`;
}

/** The remaining time in words: `14 minutes 5 seconds`. */
export function spoken(seconds: number): string {
  const [m, s] = [Math.floor(seconds / 60), seconds % 60];
  return [m > 0 && unit(m, 'minute'), (s > 0 || m === 0) && unit(s, 'second')].filter(Boolean).join(' ');
}
