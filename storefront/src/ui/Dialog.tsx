import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { Button } from './Button';
import { Icon } from './Icon';
import css from './Dialog.module.css';

/** A modal dialog. The platform keeps the focus inside, closes it on Escape and restores the focus. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed before it is removed: only then is the focus restored.
  useLayoutEffect(() => {
    const dialog = ref.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={ref} className={css.dialog} aria-labelledby={id} closedby="any" onClose={(event) => !event.currentTarget.open && close()}>
      <header className={css.head}>
        <h2 id={id}>{title}</h2>
        <Button look="bare" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </Button>
      </header>
      {children}
    </dialog>
  );
}
