import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import css from './Menu.module.css';

/**
 * A button that opens a panel of links and buttons below it. The platform's popover closes it on Escape and
 * on a click elsewhere and gives the focus back; going to another page closes it, too.
 */
export function Menu({ button, children }: { button: ReactNode; children: ReactNode }) {
  const id = useId();
  const panel = useRef<HTMLDivElement>(null);
  const { key } = useLocation();
  useEffect(() => panel.current?.hidePopover(), [key]);
  return (
    <div className={css.menu}>
      <button type="button" className={css.button} popoverTarget={id}>
        {button}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        className={css.panel}
        onToggle={(event) => {
          const opener = panel.current?.previousElementSibling?.getBoundingClientRect();
          if (event.newState !== 'open' || !opener) return;
          panel.current!.style.top = `${opener.bottom + 8}px`;
          panel.current!.style.left = `${Math.max(opener.right - panel.current!.offsetWidth, 8)}px`;
        }}
      >
        {children}
      </div>
    </div>
  );
}
