import { Skeleton } from '../ui/Skeleton';
import css from '../ui/Page.module.css';

/** Shown while a page's code loads. */
export function LoadingPage() {
  return (
    <div className={css.narrow} aria-busy="true">
      <Skeleton width="70%" height="3rem" />
    </div>
  );
}
