import page from '../ui/Page.module.css';
import { Skeleton } from '../ui/Skeleton';
import order from './Order.module.css';
import orders from './Orders.module.css';

export function RowSkeleton() {
  return (
    <div className={orders.row} aria-hidden="true">
      <Skeleton className={orders.poster} height="auto" />
      <div className={orders.text}>
        <Skeleton width="70%" height="1.5rem" />
        <Skeleton width="50%" />
        <Skeleton width="7rem" />
      </div>
      <div className={orders.end}>
        <Skeleton width="5rem" height="1.375rem" />
        <Skeleton width="6rem" height="1.5rem" />
      </div>
    </div>
  );
}

export function OrdersSkeleton() {
  return (
    <div className={page.page} aria-busy="true">
      <div className={page.head}>
        <Skeleton width="min(24rem, 80%)" height="calc(var(--size-5) * 1.06)" />
      </div>
      <div className={orders.filter}>
        <Skeleton width="13rem" height="2.75rem" />
      </div>
      <ul className={orders.list}>
        {Array.from({ length: 4 }, (_, i) => (
          <li key={i}>
            <RowSkeleton />
          </li>
        ))}
      </ul>
    </div>
  );
}

export function OrderSkeleton() {
  return (
    <div className={page.page} aria-busy="true">
      <span className={order.back}>
        <Skeleton width="6rem" />
      </span>
      <div className={order.head}>
        <Skeleton width="60%" height="var(--size-4)" />
        <Skeleton width="40%" height="1.5rem" />
      </div>
      <div className={order.layout}>
        <div className={order.state}>
          <Skeleton width="12rem" height="var(--size-3)" />
          <Skeleton width="10rem" height="4rem" />
          <Skeleton height="19rem" />
          <Skeleton height="3.25rem" />
        </div>
        <div className={order.stub}>
          <Skeleton className={order.poster} height="auto" />
          <div className={order.facts}>
            <Skeleton width="4rem" />
            <Skeleton height="6rem" />
          </div>
        </div>
      </div>
    </div>
  );
}
