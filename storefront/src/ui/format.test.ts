import { expect, test } from 'vitest';
import { decimalOf, decimalsOf, formatAgo, formatMoney, parseMoney } from './format';

test.each([
  ['64', 'EUR', '.', 6400],
  ['64.5', 'EUR', '.', 6450],
  ['64,50', 'EUR', '.', 6450],
  ['64.50', 'EUR', ',', 6450],
  ['1,299.00', 'USD', '.', 129900],
  ['1.299,00', 'EUR', '.', 129900],
  ['1 299,00', 'EUR', ',', 129900],
  ['1’299.05', 'CHF', '.', 129905],
  ['1,234,567', 'EUR', '.', 123456700],
  ['1,234,567.89', 'EUR', '.', 123456789],
  ['1.299', 'EUR', ',', 129900],
  ['1.299', 'EUR', '.', undefined],
  ['1,299', 'EUR', '.', 129900],
  ['1,299', 'EUR', ',', undefined],
  ['1.299', 'KWD', '.', 1299],
  ['1.299', 'KWD', ',', 1299000],
  ['14000', 'JPY', '.', 14000],
  ['14,000', 'JPY', '.', 14000],
  ['14,000', 'JPY', ',', undefined],
  ['14.5', 'JPY', '.', undefined],
  ['64.5050', 'EUR', '.', undefined],
  ['1.299.00', 'EUR', '.', undefined],
  ['1,299,00', 'EUR', '.', undefined],
  ['-5', 'EUR', '.', undefined],
  ['', 'EUR', '.', undefined],
  ['ten', 'EUR', '.', undefined],
  ['99999999999999999999', 'EUR', '.', undefined],
])('%j in %s with the decimal separator %s is %s minor units', (text, currency, point, minorUnits) => {
  expect(parseMoney(text, currency, point)).toBe(minorUnits);
});

test('money is formatted exactly', () => {
  expect(formatMoney({ decimal: '19.99', currency: 'USD' })).toBe('$19.99');
  expect(formatMoney({ decimal: '90071992547409.93', currency: 'EUR' })).toBe('€90,071,992,547,409.93');
  expect(formatMoney({ decimal: '14000', currency: 'JPY' })).toBe('¥14,000');
  expect(
    [
      [6400, 'EUR'],
      [5, 'EUR'],
      [9000, 'JPY'],
    ].map(([minorUnits, currency]) => decimalOf({ minorUnits, currency } as never)),
  ).toEqual(['64.00', '0.05', '9000']);
  expect([decimalsOf('EUR'), decimalsOf('JPY'), decimalsOf('KWD')]).toEqual([2, 0, 3]);
});

test.each([
  ['2026-05-01T11:59:58Z', '2 seconds ago'],
  ['2026-05-01T11:57:00Z', '3 minutes ago'],
  ['2026-05-01T10:00:00Z', '2 hours ago'],
  ['2026-04-30T12:00:00Z', 'yesterday'],
  ['2024-04-30T12:00:00Z', '2 years ago'],
  ['2026-05-01T12:15:00Z', 'in 15 minutes'],
])('%s is %s', (at, words) => {
  expect(formatAgo(at, Date.parse('2026-05-01T12:00:00Z'))).toBe(words);
});
