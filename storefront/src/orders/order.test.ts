import { beforeEach, expect, test } from 'vitest';
import { endOf, historyOf, phaseOf, type Order, type Payment } from './order';
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
    refunds: { __typename: 'RefundConnection', nodes: [] },
    ...more,
  };
}

const failed = (retryable: boolean) =>
  payment('FAILED', { failure: { __typename: 'PaymentFailure', reason: 'INSUFFICIENT_FUNDS', retryable } });

test.each<[string, Order['status'], Payment[], boolean, string]>([
  ['needs a card', 'AWAITING_PAYMENT', [], false, 'pay'],
  ['was just created', 'CREATED', [], false, 'pay'],
  ['needs another card', 'AWAITING_PAYMENT', [failed(true)], false, 'pay'],
  ['is about to be cancelled', 'AWAITING_PAYMENT', [failed(false)], false, 'over'],
  ['was not paid in time', 'AWAITING_PAYMENT', [], true, 'overdue'],
  ['had a failed payment and was not paid in time', 'AWAITING_PAYMENT', [failed(true)], true, 'overdue'],
  ['needs confirmation at the bank, also after the deadline', 'AWAITING_PAYMENT', [payment('REQUIRES_ACTION')], true, 'bank'],
  ['is being paid, also after the deadline', 'AWAITING_PAYMENT', [payment('AUTHORIZED')], true, 'paying'],
  ['is paid, and about to be complete', 'AWAITING_PAYMENT', [payment('SUCCEEDED')], false, 'paying'],
  ['is paid', 'COMPLETE', [payment('SUCCEEDED')], true, 'complete'],
  ['is cancelled, with a payment in progress', 'CANCELLED', [payment('PROCESSING')], true, 'over'],
])('an order that %s', (_, status, payments, overdue, phase) => {
  expect(phaseOf(status, payments, overdue)).toBe(phase);
});

test('a reason that is added to the API later has a general message', () => {
  expect(endOf('SOLAR_FLARE' as never)).toEqual(endOf(undefined));
  expect(endOf('EXPIRED').title).toBe('Order expired');
});

test('the history is in chronological order, with payments and refunds', () => {
  const event = (id: string, at: string, to: Order['status'], more = {}) => ({
    __typename: 'OrderHistoryEdge' as const,
    cursor: id,
    node: { __typename: 'OrderHistoryEntry' as const, id, at, from: null, to, actor: 'SYSTEM' as const, reason: null, ...more },
  });
  const order = {
    price: money('64.00'),
    history: {
      __typename: 'OrderHistoryConnection' as const,
      edges: [
        event('c', '2026-05-01T18:05:03.000Z', 'CANCELLED', { reason: 'PAYMENT_FAILED' }),
        event('b', '2026-05-01T18:00:00.000Z', 'AWAITING_PAYMENT'),
        event('a', '2026-05-01T18:00:00.000Z', 'CREATED'),
      ],
      pageInfo: { __typename: 'PageInfo' as const, hasNextPage: false, endCursor: 'a' },
    },
  };
  expect(historyOf(order, [failed(false)]).map(({ text, detail }) => [text, detail])).toEqual([
    ['Order placed', undefined],
    ['Ticket held for you', 'At €64.00.'],
    ['Payment attempted', '€64.00 with Visa ending in 4242'],
    ['Payment failed', 'The card has insufficient funds.'],
    ['Order cancelled', undefined],
  ]);
  const refunds = {
    __typename: 'RefundConnection' as const,
    nodes: [
      {
        __typename: 'Refund' as const,
        id: 'rfd_1',
        status: 'SUCCEEDED' as const,
        createdAt: '2026-05-02T09:00:00.000Z',
        amount: money('10.00'),
      },
    ],
  };
  expect(historyOf(order, [payment('PARTIALLY_REFUNDED', { refunds })]).at(-1)).toMatchObject({
    text: 'Refunded',
    detail: '€10.00',
  });
});

beforeEach(() => sessionStorage.clear());

test('the idempotency key includes the price', () => {
  expect(keyFor('k', { minorUnits: 6400, currency: 'EUR' })).toBe('k-6400EUR');
  expect(keyFor('k', { minorUnits: 6500, currency: 'EUR' })).not.toBe(keyFor('k', { minorUnits: 6400, currency: 'EUR' }));
});

test('an interrupted purchase resumes once, and only at its address', () => {
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
  ['show=live', 'live', { first: 20, filter: { statuses: ['CREATED', 'AWAITING_PAYMENT'] } }],
  ['show=past', 'past', { first: 20, filter: { statuses: ['COMPLETE', 'CANCELLED'] } }],
  ['show=constructor', 'all', { first: 20 }],
])('?%s shows %s orders', (search, show, variables) => {
  expect(showOf(new URLSearchParams(search))).toBe(show);
  expect(ordersVariables(new URLSearchParams(search))).toEqual(variables);
});
