import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { useApolloClient, useQuery } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { Link, useParams } from 'react-router';
import { onWake } from '../app/clock';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { useLive } from '../app/live';
import { NotFound } from '../app/NotFound';
import { wordsFor } from '../app/words';
import { graphql, makeFragmentData, read } from '../gql';
import type { CancelOrderMutation } from '../gql/graphql';
import { Bank } from '../payments/Bank';
import { PayForm } from '../payments/PayForm';
import { processorQuery } from '../payments/processorQuery';
import { titleParts } from '../tickets/title';
import { Button, ButtonLink } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { formatDate, formatMoney } from '../ui/format';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Poster } from '../ui/Poster';
import { Price } from '../ui/Price';
import { toast } from '../ui/toast';
import { Countdown } from './Countdown';
import { useOverdue } from './deadline';
import { History } from './History';
import { cardWords, endOf, historyOf, phaseOf, type Order, type Payment, type Phase } from './order';
import { orderQuery, orderState, orderUpdated, paymentState, paymentUpdated } from './orderQuery';
import { OrderSkeleton } from './skeletons';
import css from './Order.module.css';

const cancelOrder = graphql(`
  mutation CancelOrder($input: CancelOrderInput!) {
    cancelOrder(input: $input) {
      order {
        id
        ...OrderState
      }
      errors {
        __typename
        ... on UserError {
          code
          message
          path
        }
      }
    }
  }
`);

export default function OrderPage() {
  const { id = '' } = useParams();
  const { data, error, loading, refetch } = useQuery(orderQuery, { variables: { id } });
  const order = read(orderState, data?.order);
  if (order) return <Known order={order} refresh={() => void refetch().catch(ignore)} />;
  if (loading) return <OrderSkeleton />;
  if (!error) return <NotFound what="Order" lead="It may belong to another account. Switch account?" />;
  return (
    <Page title="This order couldn’t load" narrow>
      <FailureNotice failure={failure(error)} retry={() => void refetch().catch(ignore)} />
      <p>
        <ButtonLink to="/orders">View your orders</ButtonLink>
      </p>
    </Page>
  );
}

function Known({ order, refresh }: { order: Order; refresh: () => void }) {
  const { id, title, price, createdAt, ticket } = order;
  const payments = read(paymentState, order.payments?.nodes.toReversed() ?? []);
  const overdue = useOverdue(order.deadline);
  const phase = phaseOf(order.status, payments, overdue);
  useLive(orderUpdated, { id }, { skip: order.status === 'CANCELLED' });
  useLive(paymentUpdated, { orderId: id }, { skip: payments.length === 0 });
  useEffect(() => onWake(refresh));
  useEffect(() => {
    // The live update after the deadline may be lost together with the connection.
    if (phase !== 'overdue') return;
    const timer = setInterval(refresh, 3000);
    return () => clearInterval(timer);
  });
  const { what, where } = titleParts(title);
  return (
    <Page title={what} heading={false}>
      <Link to="/orders" className={css.back}>
        <Icon name="back" /> Your orders
      </Link>
      <header className={css.head}>
        <h1 tabIndex={-1}>{what}</h1>
        {where.length > 0 && <p className={css.where}>{where.join(' · ')}</p>}
      </header>
      <div className={css.layout}>
        <State order={order} payments={payments} phase={phase} refresh={refresh} />
        <article className={css.stub} data-over={phase === 'over' || undefined}>
          <Poster seed={ticket?.id ?? id} className={css.poster} />
          <dl className={css.facts}>
            <dt>Price</dt>
            <dd className={css.price}>
              <Price of={price} />
            </dd>
            <dt>Ordered</dt>
            <dd>{formatDate(createdAt)}</dd>
            <dt>Order number</dt>
            <dd>
              <code>{id}</code>
            </dd>
          </dl>
          {ticket && (
            <Link to={`/tickets/${ticket.id}`} className={css.ticket}>
              View ticket <Icon name="arrow" />
            </Link>
          )}
        </article>
        <History of={historyOf(order, payments)} />
      </div>
    </Page>
  );
}

const headings: Record<Exclude<Phase, 'over'>, string> = {
  pay: 'Held for you',
  bank: 'Confirm with your bank',
  paying: 'Payment in progress',
  overdue: 'Time’s up',
  complete: 'You’ve got it!',
};

/** The current step of the order. Screen readers announce its changes, and the focus moves along. */
function State({ order, payments, phase, refresh }: { order: Order; payments: readonly Payment[]; phase: Phase; refresh: () => void }) {
  const { data, loading } = useQuery(processorQuery, { fetchPolicy: 'cache-first' });
  const processor = data?.cardProcessor;
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const focused = document.activeElement;
    if (!focused || focused === document.body || focused.closest('[hidden]')) heading.current!.focus({ preventScroll: true });
    const section = heading.current!.closest('section')!;
    if (section.getBoundingClientRect().top < 0) section.scrollIntoView();
  }, [phase]);
  const last = payments.at(-1);
  const end = endOf(order.cancellation?.reason ?? (last?.status === 'FAILED' ? 'PAYMENT_FAILED' : undefined));
  const payable = phase === 'pay' || phase === 'bank' || phase === 'paying';
  const seconds = (Date.parse(order.expiresAt) - Date.parse(order.createdAt)) / 1000;
  return (
    <section className={css.state} data-phase={phase} aria-labelledby="state">
      <div className={css.lead}>
        {phase === 'complete' && <Stamp name="check" />}
        {phase === 'over' && <Stamp name="close" />}
        <div role="status" className={css.said}>
          <h2 id="state" ref={heading} tabIndex={-1}>
            {phase === 'over' ? end.title : headings[phase]}
          </h2>
          <p>{detail(phase, order, payments, end.detail)}</p>
        </div>
      </div>
      {phase === 'pay' && <Countdown deadline={order.deadline} total={seconds} />}
      {phase === 'bank' && last?.nextAction && (
        <Bank orderId={order.id} action={last.nextAction} publishableKey={processor?.publishableKey} />
      )}
      {phase === 'paying' && <div className={css.wait} aria-hidden="true" />}
      {payable && (
        <div hidden={phase !== 'pay'}>
          {processor || loading ? (
            <PayForm order={order} processor={processor} failed={last?.status === 'FAILED' ? last.failure : undefined} refresh={refresh} />
          ) : (
            <FailureNotice failure={failure(undefined)} />
          )}
        </div>
      )}
      {payable && order.viewerCanCancel && <Cancel order={order} refresh={refresh} />}
      {phase === 'complete' && <Refunds payments={payments} />}
      {phase === 'over' && (
        <div className={css.actions}>
          {order.ticket && order.cancellation?.reason !== 'REFUNDED' && (
            <ButtonLink to={`/tickets/${order.ticket.id}`} look="primary">
              Back to the ticket
            </ButtonLink>
          )}
          <ButtonLink to="/">Browse tickets</ButtonLink>
        </div>
      )}
      {phase === 'complete' && (
        <div className={css.actions}>
          <ButtonLink to="/orders">Your orders</ButtonLink>
          <ButtonLink to="/">Browse tickets</ButtonLink>
        </div>
      )}
    </section>
  );
}

function Stamp({ name }: { name: 'check' | 'close' }) {
  return (
    <span className={css.stamp} data-name={name}>
      <Icon name={name} size={30} />
    </span>
  );
}

function detail(phase: Phase, order: Order, payments: readonly Payment[], end: string): string {
  const paid = payments.findLast(({ status }) => status === 'SUCCEEDED' || status === 'PARTIALLY_REFUNDED');
  switch (phase) {
    case 'pay':
      return `The ticket is yours to buy until ${new Intl.DateTimeFormat(navigator.languages, { timeStyle: 'short' }).format(new Date(order.expiresAt))}.`;
    case 'bank':
      return 'Your bank wants to verify that it’s you. You’ll come back here afterwards.';
    case 'paying':
      return 'This takes a few seconds. You can leave this page.';
    case 'overdue':
      return 'Checking your order…';
    case 'complete':
      return paid ? `You paid ${formatMoney(paid.amount)} with ${cardWords(paid.card)}.` : 'Paid.';
    case 'over':
      return end;
  }
}

function Refunds({ payments }: { payments: readonly Payment[] }) {
  const partly = payments.find(({ status }) => status === 'PARTIALLY_REFUNDED');
  if (!partly) return null;
  return <p className={css.refund}>{formatMoney(partly.refundedAmount)} refunded by the seller.</p>;
}

/** The expected response. */
function cancelled(order: Order): CancelOrderMutation {
  return {
    __typename: 'Mutation',
    cancelOrder: {
      __typename: 'CancelOrderPayload',
      errors: [],
      order: {
        __typename: 'Order',
        id: order.id,
        ...makeFragmentData(
          {
            ...order,
            status: 'CANCELLED',
            viewerCanCancel: false,
            cancellation: { __typename: 'OrderCancellation', reason: 'BUYER_CANCELLED', at: new Date().toISOString() },
          },
          orderState,
        ),
      },
    },
  };
}

/** Cancels the order after confirmation. The page shows the result at once and reverts it on an error. */
function Cancel({ order, refresh }: { order: Order; refresh: () => void }) {
  const client = useApolloClient();
  const [asking, setAsking] = useState(false);
  const close = () => setAsking(false);
  async function cancel() {
    try {
      const { data } = await client.mutate({
        mutation: cancelOrder,
        variables: { input: { orderId: order.id } },
        optimisticResponse: cancelled(order),
      });
      const [error] = data.cancelOrder.errors;
      if (error) {
        toast(wordsFor(error), { tone: 'warning' });
        refresh();
      } else toast('Order cancelled. Nothing was charged.', { tone: 'success' });
    } catch (error) {
      const { title, detail } = failure(error);
      toast(`The order wasn’t cancelled. ${title}. ${detail}`, { tone: 'warning' });
      if (CombinedGraphQLErrors.is(error)) refresh();
    }
  }
  return (
    <>
      <p className={css.cancel}>
        <Button look="bare" onClick={() => setAsking(true)}>
          Cancel order
        </Button>
      </p>
      {asking && (
        <Dialog title="Cancel this order?" close={close}>
          <p>The ticket goes back on sale, and someone else may buy it. Nothing is charged.</p>
          <div className={css.actions}>
            <Button onClick={close}>Keep order</Button>
            <Button
              look="danger"
              onClick={() => {
                close();
                void cancel();
              }}
            >
              Cancel order
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
