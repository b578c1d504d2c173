import { expect, test, vi } from 'vitest';
import { draftOf, priceOf } from './draft';

test.each([
  ['64,00', 'EUR', 6400],
  ['64.00', 'EUR', 6400],
  ['64', 'EUR', 6400],
  ['9000', 'JPY', 9000],
])('%s %s is %d', (amount, currency, minorUnits) => {
  expect(priceOf({ title: '', amount, currency })).toEqual({ price: { minorUnits, currency } });
});

test.each([
  ['', 'EUR', 'Enter a price.'],
  ['a lot', 'EUR', 'Enter an amount like 64.00.'],
  ['64.005', 'EUR', 'Enter an amount like 64.00.'],
  ['64.5', 'JPY', 'Enter an amount like 9000.'],
  ['0', 'EUR', 'The lowest price is €0.01.'],
  ['21474836.47', 'USD', 'The highest price is $999,999.99.'],
  ['100,000,000', 'JPY', 'The highest price is ¥99,999,999.'],
])('%j %s: %s', (amount, currency, message) => {
  expect(priceOf({ title: '', amount, currency }).error).toEqual({
    __typename: 'ValidationError',
    path: ['input', 'price', 'minorUnits'],
    message,
  });
});

test('a price survives formatting and parsing in the visitor’s notation', () => {
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['de-DE']);
  const draft = draftOf({ title: 'Tosca', price: { decimal: '1299.50', currency: 'EUR' } });
  expect(draft).toEqual({ title: 'Tosca', amount: '1299,50', currency: 'EUR' });
  expect(priceOf(draft).price).toEqual({ minorUnits: 129950, currency: 'EUR' });
});
