import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import css from './Menu.module.css';

/**
 * A button that opens a panel of links and buttons. The platform's popover closes it on Escape and on a click
 * elsewhere, and restores the focus. Navigation closes it, too.
 */
export function Menu({ button, children }: { button: ReactNode; children: ReactNode }) {
  const id = useId();
  const panel = useRef<HTMLDivElement>(null);
  const { key } = useLocation();
  useEffect(() => panel.current?.hidePopover(), [key]);
  useEffect(() => {
    const move = () => place(panel.current!);
    addEventListener('resize', move);
    return () => removeEventListener('resize', move);
  }, []);
  return (
    <div className={css.menu}>
      <button type="button" className={css.button} popoverTarget={id}>
        {button}
      </button>
      <div ref={panel} id={id} popover="auto" className={css.panel} onToggle={() => place(panel.current!)}>
        {children}
      </div>
    </div>
  );
}

/** Puts the panel below the right end of its button. */
function place(panel: HTMLElement) {
  const { bottom, right } = panel.previousElementSibling!.getBoundingClientRect();
  panel.style.top = `${bottom + 8}px`;
  panel.style.left = `${Math.max(right - panel.offsetWidth, 8)}px`;
}
