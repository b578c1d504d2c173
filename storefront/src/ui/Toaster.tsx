import { useEffect, useRef, useSyncExternalStore } from 'react';
import { Icon } from './Icon';
import { dismiss, store } from './toast';
import css from './Toaster.module.css';

/** Where toasts appear: above everything else, dialogs included, and read out politely. */
export function Toaster() {
  const toasts = useSyncExternalStore(store.subscribe, store.get);
  const ref = useRef<HTMLDivElement>(null);
  const any = toasts.length > 0;
  useEffect(() => {
    // In the top layer, and there above whatever came later.
    ref.current?.hidePopover();
    if (any) ref.current?.showPopover();
  }, [toasts, any]);
  return (
    <div ref={ref} popover="manual" className={css.toaster} role="status" aria-live="polite">
      {toasts.map(({ id, text, tone }) => (
        <div key={id} className={css.toast} data-tone={tone}>
          <span>{text}</span>
          <button type="button" className={css.close} onClick={() => dismiss(id)} aria-label="Dismiss">
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
