import { expect, test } from 'vitest';
import { nextOf, withNext } from './next';

test.each([
  ['', '/'],
  ['next=/tickets/tkt_1', '/tickets/tkt_1'],
  ['next=/?q=a', '/?q=a'],
  ['next=https://evil.example/', '/'],
  ['next=//evil.example/', '/'],
  ['next=/%5Cevil.example', '/'],
  ['next=javascript:alert(1)', '/'],
  ['next=tickets', '/'],
])('the path after sign-in with ?%s is %s', (search, path) => {
  expect(nextOf(new URLSearchParams(search))).toBe(path);
});

test('links between the forms keep the destination', () => {
  expect(withNext('/sign-up', new URLSearchParams('next=/?q=a%26b'))).toBe('/sign-up?next=%2F%3Fq%3Da%26b');
  expect(withNext('/sign-up', new URLSearchParams())).toBe('/sign-up');
});
