import { useSyncExternalStore } from 'react';
import { Icon } from '../ui/Icon';
import { useBroken } from './connection';
import css from './Banner.module.css';

const subscribe = (listener: () => void) => {
  addEventListener('online', listener);
  addEventListener('offline', listener);
  return () => {
    removeEventListener('online', listener);
    removeEventListener('offline', listener);
  };
};

/** Warns when the page may be out of date. */
export function Banner() {
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  const broken = useBroken();
  const text = !online
    ? 'You’re offline. This page may be out of date.'
    : broken
      ? 'Reconnecting. Prices and availability may be out of date.'
      : '';
  return (
    <div role="status" className={css.place}>
      {text && (
        <p className={css.banner}>
          <Icon name="offline" /> {text}
        </p>
      )}
    </div>
  );
}
