import { act, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { now } from '../app/clock';
import { announcement, deadlineIn, digits, secondsLeft, spoken, useOverdue, useSecondsLeft } from './deadline';

// Both clocks start at the same moment, so that only a test's own changes look like a sleep.
beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }));
afterEach(() => vi.useRealTimers());

/** The values that a component gets for the deadline. */
function watch(deadline: number) {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  const seen = { left: -1, over: false };
  const Watch = () => {
    Object.assign(seen, { left: useSecondsLeft(deadline), over: useOverdue(deadline) });
    return null;
  };
  const root = createRoot(document.createElement('div'));
  act(() => root.render(createElement(Watch)));
  onTestFinished(() => act(() => root.unmount()));
  return seen;
}

test.each([
  ['is new', 900, undefined, 910_000],
  ['stays when a response is rounded', 899, 910_000, 910_000],
  ['moves when a response differs', 60, 910_000, 70_000],
  ['that has passed stays', 0, 4000, 4000],
  ['ends at once when the API says so', 0, 910_000, 10_000],
])('a deadline %s', (_, seconds, known, deadline) => {
  expect(deadlineIn(seconds, known, 10_000)).toBe(deadline);
});

test('the remaining time is rounded up, so that 0 means passed', () => {
  expect(secondsLeft(10_000, 9_999)).toBe(1);
  expect(secondsLeft(10_000, 10_000)).toBe(0);
  expect(secondsLeft(10_000, 99_000)).toBe(0);
});

test('the countdown ends at the deadline', () => {
  const seen = watch(now() + 3000);
  expect(seen).toEqual({ left: 3, over: false });
  act(() => void vi.advanceTimersByTime(1001));
  expect(seen.left).toBe(2);
  act(() => void vi.advanceTimersByTime(2001));
  expect(seen).toEqual({ left: 0, over: true });
});

test('after a sleep the countdown is right as soon as the page is visible', () => {
  const seen = watch(now() + 900_000);
  vi.setSystemTime(Date.now() + 600_000); // without running timers
  act(() => void document.dispatchEvent(new Event('visibilitychange')));
  expect(seen.left).toBe(300);
});

test.each([
  [900, ''],
  [601, ''],
  [600, 'Less than 10 minutes left to pay.'],
  [599, 'Less than 10 minutes left to pay.'],
  [60, 'Less than 1 minute left to pay.'],
  [25, 'Less than 30 seconds left to pay.'],
  [3, 'Less than 10 seconds left to pay.'],
  [0, ''],
])('announcement with %i seconds left: %s', (left, text) => {
  expect(announcement(left)).toBe(text);
});

test.each([
  [0, '0:00', '0 seconds'],
  [65, '1:05', '1 minute 5 seconds'],
  [900, '15:00', '15 minutes'],
  [3661, '1:01:01', '61 minutes 1 second'],
])('%i seconds are %s', (seconds, shown, said) => {
  expect(digits(seconds)).toBe(shown);
  expect(spoken(seconds)).toBe(said);
});
