import { useEffect, useRef, useSyncExternalStore } from 'react';
import { Hidden } from './Hidden';
import { Icon } from './Icon';
import { dismiss, store } from './toast';
import css from './Toaster.module.css';

/** Shows toasts above everything else, dialogs included. Screen readers announce the last one. */
export function Toaster() {
  const toasts = useSyncExternalStore(store.subscribe, store.get);
  const ref = useRef<HTMLDivElement>(null);
  const any = toasts.length > 0;
  useEffect(() => {
    // Moves it to the top of the top layer.
    ref.current?.hidePopover();
    if (any) ref.current?.showPopover();
  }, [toasts, any]);
  return (
    <>
      <div role="status">
        <Hidden>{toasts.at(-1)?.text}</Hidden>
      </div>
      <div ref={ref} popover="manual" className={css.toaster}>
        {toasts.map(({ id, text, tone }) => (
          <div key={id} className={css.toast} data-tone={tone}>
            <span>{text}</span>
            <button type="button" className={css.close} onClick={() => dismiss(id)} aria-label="Dismiss">
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
    </>
  );
}
