// A clock for deadlines. It ignores changes of the system time and includes time that the computer sleeps:
// `performance.now()` stops then in some browsers, so the clock adds what the wall clock has advanced by.

/** Smaller differences are gradual adjustments of the wall clock. */
const minJump = 2000;

export function createClock(monotonic: () => number, wall: () => number) {
  let ahead = wall() - monotonic();
  let asleep = 0;
  const listeners = new Set<() => void>();
  return {
    /** Milliseconds since an arbitrary moment. */
    now: (): number => {
      const drift = wall() - monotonic() - ahead;
      if (Math.abs(drift) > minJump) {
        ahead += drift;
        if (drift > 0) asleep += drift; // or the system time was set forward, which a refetch corrects
        queueMicrotask(() => listeners.forEach((listener) => listener()));
      }
      return monotonic() + asleep;
    },
    /** Calls the listener after a sleep or a change of the system time: the page may be out of date. */
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
