// What an order means to its buyer: what there is to do, what has happened, and words for both.
import type { OrderCancellationReason, OrderStateFragment, PaymentStateFragment } from '../gql/graphql';
import { failureWords } from '../payments/failures';
import { formatMoney } from '../ui/format';

export type Order = OrderStateFragment;
export type Payment = PaymentStateFragment;

/**
 * What the buyer can do:
 *  - `pay`: it waits for a card
 *  - `bank`: the bank wants to hear from the buyer
 *  - `paying`: a payment is under way
 *  - `overdue`: the time is up, and the API has not said yet what came of it
 *  - `complete`, `over`: nothing more
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
    case 'SUCCEEDED': // the order is about to hear of it
      return 'paying';
    case 'FAILED':
      if (!last.failure?.retryable) return 'over'; // the order is about to be cancelled
  }
  return overdue ? 'overdue' : 'pay';
}

const reasons: Record<OrderCancellationReason, { title: string; detail: string }> = {
  BUYER_CANCELLED: { title: 'You gave it back', detail: 'Nothing was charged.' },
  EXPIRED: { title: 'The time ran out', detail: 'It was not paid in time, so the ticket went back on sale. Nothing was charged.' },
  OPERATOR: { title: 'This order was cancelled', detail: 'We had to cancel it. If you paid, the money is on its way back.' },
  PAYMENT_FAILED: { title: 'The payment did not go through', detail: 'So the ticket went back on sale. Nothing was charged.' },
  REFUNDED: { title: 'You got your money back', detail: 'The order is undone.' },
  RESERVATION_REFUSED: {
    title: 'The ticket changed in the same moment',
    detail: 'Its seller was at it just when you bought it. Nothing was charged.',
  },
};

/** How the order ended. */
export function endOf(reason: OrderCancellationReason | undefined): { title: string; detail: string } {
  return (reason && (reasons as Partial<typeof reasons>)[reason]) ?? { title: 'This order is over', detail: 'It was cancelled.' };
}

const brands: Partial<Record<string, string>> = { visa: 'Visa', mastercard: 'Mastercard', amex: 'American Express' };

/** `Visa ending in 4242`. */
export function cardWords(card: Payment['card']): string {
  return card ? `${brands[card.brand] ?? card.brand} ending in ${card.last4}` : 'a card';
}

export interface Happening {
  id: string;
  at: string;
  text: string;
  detail?: string;
  tone: 'plain' | 'good' | 'bad';
}

const began: Partial<Record<Payment['status'], string>> = {
  PROCESSING: 'You began to pay',
  REQUIRES_ACTION: 'You began to pay',
  AUTHORIZED: 'You began to pay',
  FAILED: 'You tried to pay',
  VOIDED: 'You began to pay',
};

/** What has happened to the order and its money, oldest first. */
export function story(order: Pick<Order, 'history' | 'price'>, payments: readonly Payment[]): Happening[] {
  const happened = order.history.edges.map(({ node: { id, at, to, reason, actor } }): Happening => {
    switch (to) {
      case 'CREATED':
        return { id, at, text: 'You took the ticket', detail: 'Nobody else can have it.', tone: 'plain' };
      case 'AWAITING_PAYMENT':
        return { id, at, text: 'It is held for you', detail: `At ${formatMoney(order.price)}, until the time is up.`, tone: 'plain' };
      case 'COMPLETE':
        return { id, at, text: 'It is yours', tone: 'good' };
      case 'CANCELLED': {
        const by = actor === 'SELLER' && reason === 'REFUNDED' ? 'The seller gave it back.' : undefined;
        return {
          id,
          at,
          text: reason === 'PAYMENT_FAILED' ? 'It went back on sale' : endOf(reason ?? undefined).title, // the payment's own line tells why
          detail: by,
          tone: reason === 'BUYER_CANCELLED' || reason === 'REFUNDED' ? 'plain' : 'bad',
        };
      }
      default:
        return { id, at, text: 'Something changed', tone: 'plain' };
    }
  });
  for (const { id, createdAt, updatedAt, amount, card, status, failure, refunds } of payments) {
    const of = formatMoney(amount);
    happened.push({ id, at: createdAt, text: began[status] ?? 'You paid', detail: `${of} with ${cardWords(card)}`, tone: 'plain' });
    if (status === 'FAILED')
      happened.push({
        id: `${id}-failed`,
        at: updatedAt,
        text: 'The payment did not go through',
        detail: failureWords(failure?.reason),
        tone: 'bad',
      });
    if (status === 'VOIDED')
      happened.push({ id: `${id}-voided`, at: updatedAt, text: 'The payment was released', detail: 'Nothing was charged.', tone: 'plain' });
    for (const refund of refunds) {
      const text =
        refund.status === 'SUCCEEDED'
          ? 'Money is on its way back'
          : refund.status === 'FAILED'
            ? 'Money could not be given back'
            : 'Money is being given back';
      happened.push({
        id: refund.id,
        at: refund.createdAt,
        text,
        detail: formatMoney(refund.amount),
        tone: refund.status === 'FAILED' ? 'bad' : 'plain',
      });
    }
  }
  // Events of the same moment keep their order.
  return happened.sort((a, b) => a.at.localeCompare(b.at));
}
