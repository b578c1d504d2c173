import { expect, test } from 'vitest';
import { listVariables, priceRange } from './listQuery';
import { setParam } from './search';
import { titleParts } from './title';

test.each([
  ['', { sort: { field: 'CREATED_AT', direction: 'DESC' }, filter: {} }],
  ['q=+cello++', { filter: { query: 'cello' } }],
  ['q=++', { filter: {} }],
  ['sort=cheapest', { sort: { field: 'PRICE', direction: 'ASC' } }],
  ['sort=constructor', { sort: { field: 'CREATED_AT', direction: 'DESC' } }],
  ['all=1', { filter: { availabilities: ['AVAILABLE', 'RESERVED', 'SOLD'] } }],
  ['currency=EUR', { filter: { minPrice: { currency: 'EUR', minorUnits: 1 } } }],
  [
    'currency=EUR&min=10&max=20,50',
    { filter: { minPrice: { currency: 'EUR', minorUnits: 1000 }, maxPrice: { currency: 'EUR', minorUnits: 2050 } } },
  ],
  ['currency=JPY&max=9000', { filter: { minPrice: { currency: 'JPY', minorUnits: 1 }, maxPrice: { currency: 'JPY', minorUnits: 9000 } } }],
  ['currency=EUR&min=x&max=99999999999', { filter: { minPrice: { currency: 'EUR', minorUnits: 1 } } }],
  ['currency=EUR&min=200&max=100', { filter: { minPrice: { currency: 'EUR', minorUnits: 20000 } } }],
  ['min=10', { filter: {} }],
  ['currency=DOUBLOONS', { filter: {} }],
])('variables of ?%s', (search, variables) => {
  const got = listVariables(new URLSearchParams(search));
  expect(got).toMatchObject(variables);
  expect(got.filter).toEqual('filter' in variables ? variables.filter : got.filter);
});

test.each([
  ['currency=EUR&min=10&max=10', undefined, undefined],
  ['currency=EUR&min=+&max=', undefined, undefined],
  ['currency=EUR&min=abc&max=1000000', 'Enter an amount like 64.00.', 'The highest price is €999,999.99.'],
  ['currency=JPY&min=64.50', 'Enter an amount like 9000.', undefined],
  ['currency=EUR&min=200&max=100', undefined, '“Up to” must not be less than “From”.'],
  ['min=abc', undefined, undefined],
])('?%s: the lowest price has the error %s, the highest %s', (search, lowest, highest) => {
  const { min, max } = priceRange(new URLSearchParams(search));
  expect([min.fault, max.fault]).toEqual([lowest, highest]);
});

test('a parameter is set and removed', () => {
  expect(setParam(new URLSearchParams('sort=title'), 'q', 'a b').toString()).toBe('sort=title&q=a+b');
  expect(setParam(new URLSearchParams('q=a&sort=title'), 'q', ' ').toString()).toBe('sort=title');
});

test.each([
  ['Swan Lake – Royal Opera House – Amphitheatre', 'Swan Lake', ['Royal Opera House', 'Amphitheatre']],
  ['Cello Suites, row 3', 'Cello Suites, row 3', []],
  ['Yankees v Red Sox - Section 204', 'Yankees v Red Sox', ['Section 204']],
  ['Crypto.com Arena', 'Crypto.com Arena', []],
  ['– –', '– –', []],
])('the parts of %j', (title, what, where) => {
  expect(titleParts(title)).toEqual({ what, where });
});
