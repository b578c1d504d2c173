import { beforeEach, expect, test } from 'vitest';
import { comeBack, rememberReturn } from './comeBack';

const fromBank = '/payments/return?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_2';
const open = (address: string) => {
  history.replaceState(null, '', address);
  const entries = history.length;
  comeBack();
  expect(history.length).toBe(entries); // going back skips the bank's address
  return location.pathname + location.search;
};

beforeEach(() => sessionStorage.clear());

test('a return from the bank leads to the order, without the bank’s parameters', () => {
  rememberReturn('ord_1');
  expect(open(fromBank)).toBe('/orders/ord_1');
});

test('a second return leads to the list of orders', () => {
  rememberReturn('ord_1');
  open(fromBank);
  expect(open(fromBank)).toBe('/orders');
});

test('other addresses are unchanged', () => {
  rememberReturn('ord_1');
  expect(open('/?q=tosca')).toBe('/?q=tosca');
});
