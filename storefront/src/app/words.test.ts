import { expect, test } from 'vitest';
import generated from '../gql/possible-types';
import { fieldOf, words, wordsFor } from './words';

test('every typed error of the API has a message', () => {
  expect(Object.keys(words).sort()).toEqual([...generated.possibleTypes.UserError!].sort());
});

test('an error type that is added later shows the API’s message', () => {
  expect(wordsFor({ __typename: 'SaleNotOpenError', message: 'the sale opens at noon' })).toBe('The sale opens at noon.');
  expect(wordsFor({ __typename: 'SaleNotOpenError' })).toBe('That didn’t work.');
});

test('the message of a rate limit has the time to wait', () => {
  const limited = (retryAfterSeconds?: number) =>
    wordsFor({ __typename: 'RateLimitedError', ...(retryAfterSeconds && { retryAfterSeconds }) });
  expect(limited(1)).toContain('1 second.');
  expect(limited(89)).toContain('89 seconds.');
  expect(limited(121)).toContain('3 minutes.');
  expect(limited()).toBe('Too many attempts. Try again later.');
});

test.each([
  [['input', 'email'], 'email'],
  [['input', 'price', 'minorUnits'], 'price.minorUnits'],
  [['input'], undefined],
  [['id'], undefined],
  [null, undefined],
  [undefined, undefined],
])('the field of %j is %j', (path, field) => {
  expect(fieldOf({ __typename: 'ValidationError', path })).toBe(field);
});
