import { expect, test, vi } from 'vitest';
import { createClock } from './clock';

function clocks() {
  let monotonic = 1000;
  let wall = 1_700_000_000_000;
  const clock = createClock(
    () => monotonic,
    () => wall,
  );
  return { clock, pass: (m: number, w = m) => ((monotonic += m), (wall += w)) };
}

test('the clock follows the monotonic clock', () => {
  const { clock, pass } = clocks();
  const start = clock.now();
  pass(5000);
  expect(clock.now() - start).toBe(5000);
});

test('a sleep is included, and listeners are called once', async () => {
  const { clock, pass } = clocks();
  const woke = vi.fn();
  const stop = clock.onWake(woke);
  const start = clock.now();
  pass(1000, 61_000);
  expect(clock.now() - start).toBe(61_000);
  clock.now();
  await Promise.resolve();
  expect(woke).toHaveBeenCalledTimes(1);
  stop();
  pass(0, 60_000);
  clock.now();
  await Promise.resolve();
  expect(woke).toHaveBeenCalledTimes(1);
});

test('setting the system time back does not set this clock back', () => {
  const { clock, pass } = clocks();
  const start = clock.now();
  pass(3000, -3_600_000);
  expect(clock.now() - start).toBe(3000);
  pass(3000);
  expect(clock.now() - start).toBe(6000);
});

test('gradual adjustment of the system time is ignored', () => {
  const { clock, pass } = clocks();
  const start = clock.now();
  pass(1000, 1900);
  expect(clock.now() - start).toBe(1000);
});
