import { CardSkeleton } from '../tickets/skeletons';
import { Skeleton } from '../ui/Skeleton';
import page from '../ui/Page.module.css';
import css from './Selling.module.css';

/** A form with two fields beside a card. */
export function FormSkeleton() {
  return (
    <div className={page.page} aria-busy="true">
      <header className={page.head}>
        <Skeleton width="min(24rem, 80%)" height="calc(var(--size-5) * 1.06)" />
        <Skeleton width="min(36rem, 100%)" height="1.75rem" />
      </header>
      <div className={css.columns}>
        <div className={css.form}>
          <Skeleton height="6.6rem" />
          <Skeleton height="5.2rem" />
          <Skeleton height="3.25rem" />
        </div>
        <div className={css.preview}>
          <CardSkeleton />
        </div>
      </div>
    </div>
  );
}

export function RowSkeleton() {
  return (
    <div className={css.row} aria-hidden="true">
      <Skeleton className={css.thumb} height="auto" />
      <div className={css.about}>
        <Skeleton width="60%" height="1.5rem" />
        <Skeleton width="40%" />
      </div>
      <Skeleton width="6rem" height="1.75rem" />
    </div>
  );
}

export function ListingsSkeleton() {
  return (
    <div className={page.page} aria-busy="true">
      <header className={css.hero}>
        <Skeleton width="min(20rem, 80%)" height="calc(var(--size-5) * 1.06)" />
      </header>
      <Skeleton height="2.75rem" />
      <ul className={css.rows}>
        {Array.from({ length: 5 }, (_, i) => (
          <li key={i}>
            <RowSkeleton />
          </li>
        ))}
      </ul>
    </div>
  );
}
