import { expect, test } from 'vitest';
import type { Draft } from './draft';
import { differences, natural, take } from './merge';

const base: Draft = { title: 'Cello Suites', amount: '64.00', currency: 'EUR' };
const title = (text: string): Draft => ({ ...base, title: text });
const price = (amount: string, currency = 'EUR'): Draft => ({ ...base, amount, currency });

test.each([
  [base, base, []],
  [base, title(' Cello Suites '), []],
  [base, price('64'), []],
  [base, price('64,0'), []],
  [base, title('Cello'), ['title']],
  [base, price('65'), ['price']],
  [base, price('64.00', 'USD'), ['price']],
  [base, price('a lot'), ['price']],
  [price('a lot'), price('a lot'), []],
  [price('a lot'), price('too much'), ['price']],
  [base, { title: 'Cello', amount: '1', currency: 'GBP' }, ['title', 'price']],
] as const)('%j and %j differ in %j', (a, b, want) => {
  expect(differences(a, b)).toEqual(want);
  expect(differences(b, a)).toEqual(want);
});

test.each([
  ['unchanged', base, base, 'theirs'],
  ['changed by the other', base, price('65'), 'theirs'],
  ['changed by the seller', price('65'), base, 'mine'],
  ['changed by both to the same value', price('65'), price('65,00'), 'mine'],
  ['changed by both to different values', price('65'), price('66'), undefined],
  ['changed by both, invalid', price('a lot'), price('66'), undefined],
] as const)('%s', (_, mine, theirs, want) => {
  expect(natural('price', base, mine, theirs)).toBe(want);
});

test('a field is replaced completely, and no other', () => {
  const theirs: Draft = { title: 'Cello', amount: '9000', currency: 'JPY' };
  expect(take('price', theirs, base)).toEqual({ title: 'Cello Suites', amount: '9000', currency: 'JPY' });
  expect(take('title', theirs, base)).toEqual({ title: 'Cello', amount: '64.00', currency: 'EUR' });
});
