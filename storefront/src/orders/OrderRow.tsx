import { Link } from 'react-router';
import { useLive } from '../app/live';
import { graphql, read, type FragmentType } from '../gql';
import { titleParts } from '../tickets/title';
import { Poster } from '../ui/Poster';
import { Price } from '../ui/Price';
import { Time } from '../ui/Time';
import { TimeLeft } from './Countdown';
import { useOverdue } from './deadline';
import { endOf } from './order';
import css from './Orders.module.css';

const orderRow = graphql(`
  fragment OrderRow on Order {
    id
    version
    status
    title
    price {
      decimal
      minorUnits
      currency
    }
    createdAt
    deadline: secondsUntilExpiry
    cancellation {
      reason
      at
    }
    ticket {
      id
    }
  }
`);

const orderRowUpdated = graphql(`
  subscription OrderRowUpdated($id: ID!) {
    orderUpdated(orderId: $id) {
      id
      ...OrderRow
    }
  }
`);

/** An order in the list, with live updates while it is unpaid. */
export function OrderRow({ order }: { order: FragmentType<typeof orderRow> }) {
  const { id, status, title, price, createdAt, deadline, cancellation, ticket } = read(orderRow, order);
  const unpaid = status === 'CREATED' || status === 'AWAITING_PAYMENT';
  const overdue = useOverdue(deadline);
  useLive(orderRowUpdated, { id }, { skip: !unpaid });
  const { what, where } = titleParts(title);
  return (
    <article className={css.row} data-status={status}>
      <Poster seed={ticket?.id ?? id} className={css.poster} />
      <div className={css.text}>
        <h2>
          <Link to={`/orders/${id}`}>{what}</Link>
        </h2>
        {where.length > 0 && <p>{where.join(' · ')}</p>}
        <p className={css.when}>
          Ordered <Time at={createdAt} />
        </p>
      </div>
      <div className={css.end}>
        <span className={css.price}>
          <Price of={price} />
        </span>
        <span className={css.status} data-of={unpaid ? 'live' : status}>
          {unpaid ? (
            overdue ? (
              'Time’s up'
            ) : (
              <TimeLeft deadline={deadline} />
            )
          ) : status === 'COMPLETE' ? (
            'Bought'
          ) : (
            short(cancellation?.reason)
          )}
        </span>
      </div>
    </article>
  );
}

const shorts: Partial<Record<string, string>> = {
  BUYER_CANCELLED: 'Cancelled',
  EXPIRED: 'Expired',
  PAYMENT_FAILED: 'Payment failed',
  REFUNDED: 'Refunded',
};

function short(reason: Parameters<typeof endOf>[0]): string {
  return (reason && shorts[reason]) ?? 'Cancelled';
}
