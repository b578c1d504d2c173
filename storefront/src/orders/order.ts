// An order from its buyer's point of view: the current step, the history, and texts for both.
import type { OrderCancellationReason, OrderStateFragment, PaymentStateFragment } from '../gql/graphql';
import { failureWords } from '../payments/failures';
import { formatMoney } from '../ui/format';

export type Order = OrderStateFragment;
export type Payment = PaymentStateFragment;

/**
 * The current step of an order:
 *  - `pay`: enter a card
 *  - `bank`: confirm the payment with the bank
 *  - `paying`: wait for the payment
 *  - `overdue`: the deadline has passed, and the API has not reported the result yet
 *  - `complete`, `over`: final
 */
export type Phase = 'pay' | 'bank' | 'paying' | 'overdue' | 'complete' | 'over';

export function phaseOf(status: Order['status'], payments: readonly Payment[], overdue: boolean): Phase {
  if (status === 'COMPLETE') return 'complete';
  if (status === 'CANCELLED') return 'over';
  const last = payments.at(-1);
  switch (last?.status) {
    case 'REQUIRES_ACTION':
      return 'bank';
    case 'PROCESSING':
    case 'AUTHORIZED':
    case 'SUCCEEDED': // the order is about to be complete
      return 'paying';
    case 'FAILED':
      if (!last.failure?.retryable) return 'over'; // the order is about to be cancelled
  }
  return overdue ? 'overdue' : 'pay';
}

const reasons: Record<OrderCancellationReason, { title: string; detail: string }> = {
  BUYER_CANCELLED: { title: 'Order cancelled', detail: 'Nothing was charged.' },
  EXPIRED: { title: 'Order expired', detail: 'It wasn’t paid in time, so the ticket is back on sale. Nothing was charged.' },
  OPERATOR: { title: 'Order cancelled by us', detail: 'We had to cancel this order. Nothing was charged.' },
  PAYMENT_FAILED: { title: 'Payment failed', detail: 'The ticket is back on sale. Nothing was charged.' },
  REFUNDED: { title: 'Order refunded', detail: 'It may take a few days until the money arrives.' },
  RESERVATION_REFUSED: {
    title: 'The ticket has changed',
    detail: 'The seller changed it just as you bought it. Nothing was charged.',
  },
};

/** How the order ended. */
export function endOf(reason: OrderCancellationReason | undefined): { title: string; detail: string } {
  return (reason && (reasons as Partial<typeof reasons>)[reason]) ?? { title: 'Order cancelled', detail: 'This order was cancelled.' };
}

const brands: Partial<Record<string, string>> = { visa: 'Visa', mastercard: 'Mastercard', amex: 'American Express' };

/** `Visa ending in 4242`. */
export function cardWords(card: Payment['card']): string {
  return card ? `${brands[card.brand] ?? card.brand} ending in ${card.last4}` : 'a card';
}

export interface HistoryItem {
  id: string;
  at: string;
  text: string;
  detail?: string;
  tone: 'plain' | 'good' | 'bad';
}

const attempts: Partial<Record<Payment['status'], string>> = {
  PROCESSING: 'Payment started',
  REQUIRES_ACTION: 'Payment started',
  AUTHORIZED: 'Payment started',
  FAILED: 'Payment attempted',
  VOIDED: 'Payment started',
};

/** The history of the order and its payments, oldest first. */
export function historyOf(order: Pick<Order, 'history' | 'price'>, payments: readonly Payment[]): HistoryItem[] {
  const items = order.history.edges.toReversed().map(({ node: { id, at, to, reason, actor } }): HistoryItem => {
    switch (to) {
      case 'CREATED':
        return { id, at, text: 'Order placed', tone: 'plain' };
      case 'AWAITING_PAYMENT':
        return { id, at, text: 'Ticket held for you', detail: `At ${formatMoney(order.price)}.`, tone: 'plain' };
      case 'COMPLETE':
        return { id, at, text: 'Order complete', tone: 'good' };
      case 'CANCELLED': {
        const by = actor === 'SELLER' && reason === 'REFUNDED' ? 'By the seller.' : undefined;
        return {
          id,
          at,
          text: reason === 'PAYMENT_FAILED' ? 'Order cancelled' : endOf(reason ?? undefined).title, // the payment has an item of its own
          detail: by,
          tone: reason === 'BUYER_CANCELLED' || reason === 'REFUNDED' ? 'plain' : 'bad',
        };
      }
      default:
        return { id, at, text: 'Order updated', tone: 'plain' };
    }
  });
  for (const { id, createdAt, updatedAt, amount, card, status, failure, refunds } of payments) {
    const of = formatMoney(amount);
    items.push({ id, at: createdAt, text: attempts[status] ?? 'Paid', detail: `${of} with ${cardWords(card)}`, tone: 'plain' });
    if (status === 'FAILED')
      items.push({
        id: `${id}-failed`,
        at: updatedAt,
        text: 'Payment failed',
        detail: failureWords(failure?.reason),
        tone: 'bad',
      });
    if (status === 'VOIDED')
      items.push({ id: `${id}-voided`, at: updatedAt, text: 'Payment cancelled', detail: 'Nothing was charged.', tone: 'plain' });
    for (const refund of refunds.nodes) {
      const text = refund.status === 'SUCCEEDED' ? 'Refunded' : refund.status === 'FAILED' ? 'Refund failed' : 'Refund started';
      items.push({
        id: refund.id,
        at: refund.createdAt,
        text,
        detail: formatMoney(refund.amount),
        tone: refund.status === 'FAILED' ? 'bad' : 'plain',
      });
    }
  }
  // A stable sort: entries of the same moment keep their order.
  return items.sort((a, b) => a.at.localeCompare(b.at));
}
