import { Skeleton } from '../ui/Skeleton';
import css from '../ui/Page.module.css';

/** Stands in for a page whose code is on its way. */
export function LoadingPage() {
  return (
    <div className={css.narrow} aria-busy="true">
      <Skeleton width="70%" height="3rem" />
    </div>
  );
}
