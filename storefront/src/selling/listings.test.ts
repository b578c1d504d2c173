import { expect, test } from 'vitest';
import { countsVariables, listingsVariables, shelfOf, type Shelf } from './listings';

const every = ['AVAILABLE', 'RESERVED', 'SOLD', 'WITHDRAWN'];

test.each([
  ['', 'all', every],
  ['show=sold', 'sold', ['SOLD']],
  ['show=available', 'available', ['AVAILABLE']],
  ['show=withdrawn', 'withdrawn', ['WITHDRAWN']],
  ['show=constructor', 'all', every],
  ['show=', 'all', every],
])('?%s is the shelf %s', (search, shelf, availabilities) => {
  const got = shelfOf(new URLSearchParams(search));
  expect(got).toBe(shelf);
  expect(listingsVariables('usr_1', got).filter).toEqual({ sellerId: 'usr_1', availabilities });
});

test('each count has the filter of its list', () => {
  for (const [shelf, filter] of Object.entries(countsVariables('usr_1')))
    expect(filter).toEqual(listingsVariables('usr_1', shelf as Shelf).filter);
});
