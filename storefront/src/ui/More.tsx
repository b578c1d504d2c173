import { useEffect, useEffectEvent, useRef } from 'react';
import { failure } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { Button } from './Button';
import css from './More.module.css';

/** Loads the next page near the end of the list. The button is for keyboards and after a failure. */
export function More({ busy, error, load }: { busy: boolean; error: unknown; load: () => void }) {
  const failed = error !== undefined;
  const ref = useRef<HTMLDivElement>(null);
  const arrive = useEffectEvent(load);
  useEffect(() => {
    if (busy || failed) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && arrive(), { rootMargin: '600px' });
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, [busy, failed]);
  return (
    <div ref={ref} className={css.more}>
      {failed ? (
        <FailureNotice failure={failure(error)} retry={load} />
      ) : (
        <Button onClick={load} busy={busy}>
          Load more
        </Button>
      )}
    </div>
  );
}
