// A clock for deadlines. Nobody can set it, and it does not stop: `performance.now()` does in some browsers while
// the computer sleeps, so time that the wall clock has gone ahead by is added.

/** Smaller differences are a clock that is being adjusted. */
const jump = 2000;

export function createClock(monotonic: () => number, wall: () => number) {
  let ahead = wall() - monotonic();
  let asleep = 0;
  const listeners = new Set<() => void>();
  return {
    /** Milliseconds on a scale of its own. */
    now: (): number => {
      const drift = wall() - monotonic() - ahead;
      if (Math.abs(drift) > jump) {
        ahead += drift;
        if (drift > 0) asleep += drift; // or somebody has put the clock forward, which who listens will find out
        queueMicrotask(() => listeners.forEach((listener) => listener()));
      }
      return monotonic() + asleep;
    },
    /** Calls when there was a sleep, or what looks like one: then whatever is shown may be old. */
    onWake: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export const { now, onWake } = createClock(
  () => performance.now(),
  () => Date.now(),
);
