import { beforeEach, expect, test } from 'vitest';
import { endOf, phaseOf, story, type Order, type Payment } from './order';
import { keepIntent, keyFor, takeIntent } from './buy';
import { ordersVariables, showOf } from './listQuery';

const money = (decimal: string) => ({ __typename: 'Money' as const, decimal, minorUnits: Number(decimal) * 100, currency: 'EUR' });

function payment(status: Payment['status'], more: Partial<Payment> = {}): Payment {
  return {
    __typename: 'Payment',
    id: 'pay_1',
    version: 1,
    status,
    createdAt: '2026-05-01T18:05:00.000Z',
    updatedAt: '2026-05-01T18:05:02.000Z',
    amount: money('64.00'),
    refundedAmount: money('0.00'),
    card: { __typename: 'PaymentCard', brand: 'visa', last4: '4242' },
    failure: null,
    nextAction: null,
    refunds: [],
    ...more,
  };
}

const failed = (retryable: boolean) =>
  payment('FAILED', { failure: { __typename: 'PaymentFailure', reason: 'INSUFFICIENT_FUNDS', retryable } });

test.each<[string, Order['status'], Payment[], boolean, string]>([
  ['waits for a card', 'AWAITING_PAYMENT', [], false, 'pay'],
  ['has just been made', 'CREATED', [], false, 'pay'],
  ['waits for another card', 'AWAITING_PAYMENT', [failed(true)], false, 'pay'],
  ['is about to be cancelled', 'AWAITING_PAYMENT', [failed(false)], false, 'over'],
  ['was not paid in time', 'AWAITING_PAYMENT', [], true, 'overdue'],
  ['had a failed attempt and was not paid in time', 'AWAITING_PAYMENT', [failed(true)], true, 'overdue'],
  ['is asked about by a bank, also after the deadline', 'AWAITING_PAYMENT', [payment('REQUIRES_ACTION')], true, 'bank'],
  ['is being paid, also after the deadline', 'AWAITING_PAYMENT', [payment('AUTHORIZED')], true, 'paying'],
  ['is paid, and about to hear of it', 'AWAITING_PAYMENT', [payment('SUCCEEDED')], false, 'paying'],
  ['is paid', 'COMPLETE', [payment('SUCCEEDED')], true, 'complete'],
  ['is over, whatever its payments', 'CANCELLED', [payment('PROCESSING')], true, 'over'],
])('an order that %s', (_, status, payments, overdue, phase) => {
  expect(phaseOf(status, payments, overdue)).toBe(phase);
});

test('a reason that was added to the API later still says that it is over', () => {
  expect(endOf('SOLAR_FLARE' as never)).toEqual(endOf(undefined));
  expect(endOf('EXPIRED').title).toBe('The time ran out');
});

test('what happened is told in the order in which it did, with the money', () => {
  const event = (id: string, at: string, to: Order['status'], more = {}) => ({
    __typename: 'OrderEventEdge' as const,
    cursor: id,
    node: { __typename: 'OrderEvent' as const, id, at, from: null, to, actor: 'SYSTEM' as const, reason: null, ...more },
  });
  const order = {
    price: money('64.00'),
    history: {
      __typename: 'OrderEventConnection' as const,
      edges: [
        event('a', '2026-05-01T18:00:00.000Z', 'CREATED'),
        event('b', '2026-05-01T18:00:00.100Z', 'AWAITING_PAYMENT'),
        event('c', '2026-05-01T18:05:03.000Z', 'CANCELLED', { reason: 'PAYMENT_FAILED' }),
      ],
      pageInfo: { __typename: 'PageInfo' as const, hasNextPage: false, endCursor: 'c' },
    },
  };
  expect(story(order, [failed(false)]).map(({ text, detail }) => [text, detail])).toEqual([
    ['You took the ticket', 'Nobody else can have it.'],
    ['It is held for you', 'At €64.00, until the time is up.'],
    ['You tried to pay', '€64.00 with Visa ending in 4242'],
    ['The payment did not go through', 'There is not enough money on the card.'],
    ['It went back on sale', undefined],
  ]);
  const refunds = [
    {
      __typename: 'Refund' as const,
      id: 'rfd_1',
      status: 'SUCCEEDED' as const,
      createdAt: '2026-05-02T09:00:00.000Z',
      amount: money('10.00'),
    },
  ];
  expect(story(order, [payment('PARTIALLY_REFUNDED', { refunds })]).at(-1)).toMatchObject({
    text: 'Money is on its way back',
    detail: '€10.00',
  });
});

beforeEach(() => sessionStorage.clear());

test('a key belongs to a price: another price is another order', () => {
  expect(keyFor('k', { minorUnits: 6400, currency: 'EUR' })).toBe('k-6400EUR');
  expect(keyFor('k', { minorUnits: 6500, currency: 'EUR' })).not.toBe(keyFor('k', { minorUnits: 6400, currency: 'EUR' }));
});

test('what was about to be bought is taken once, and only by the address that was given', () => {
  const intent = { ticketId: 'tkt_1', key: 'k-6400EUR', price: { minorUnits: 6400, currency: 'EUR' } };
  const search = new URL(keepIntent(intent), location.origin).searchParams;
  expect(takeIntent('tkt_1', new URLSearchParams('go=other'))).toBeUndefined();
  expect(takeIntent('tkt_2', search)).toBeUndefined();
  expect(takeIntent('tkt_1', new URLSearchParams())).toBeUndefined();
  expect(takeIntent('tkt_1', search)).toEqual(intent);
  expect(takeIntent('tkt_1', search)).toBeUndefined();
});

test.each([
  ['', 'all', { first: 20 }],
  ['show=live', 'live', { first: 20, filter: { status: ['CREATED', 'AWAITING_PAYMENT'] } }],
  ['show=past', 'past', { first: 20, filter: { status: ['COMPLETE', 'CANCELLED'] } }],
  ['show=constructor', 'all', { first: 20 }],
])('?%s shows the orders that are %s', (search, show, variables) => {
  expect(showOf(new URLSearchParams(search))).toBe(show);
  expect(ordersVariables(new URLSearchParams(search))).toEqual(variables);
});
