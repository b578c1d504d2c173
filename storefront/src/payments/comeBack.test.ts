import { beforeEach, expect, test } from 'vitest';
import { comeBack, rememberReturn } from './comeBack';

const fromBank = '/payments/return?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_2';
const open = (address: string) => {
  history.replaceState(null, '', address);
  const entries = history.length;
  comeBack();
  expect(history.length).toBe(entries); // going back does not lead to what was here
  return location.pathname + location.search;
};

beforeEach(() => sessionStorage.clear());

test('whoever comes back from a bank is at the order, and what the bank said is nowhere', () => {
  rememberReturn('ord_1');
  expect(open(fromBank)).toBe('/orders/ord_1');
});

test('once; and at all orders when it is not known which', () => {
  rememberReturn('ord_1');
  open(fromBank);
  expect(open(fromBank)).toBe('/orders');
});

test('other addresses stay', () => {
  rememberReturn('ord_1');
  expect(open('/?q=tosca')).toBe('/?q=tosca');
});
