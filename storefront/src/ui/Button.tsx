import type { ComponentProps } from 'react';
import { Link, type LinkProps } from 'react-router';
import css from './Button.module.css';

interface Look {
  /** One primary action per view; all others are quiet. */
  look?: 'primary' | 'quiet' | 'danger' | 'bare';
  wide?: boolean;
}

const classes = ({ look = 'quiet', wide }: Look, more?: string) =>
  [css.button, css[look], wide && css.wide, more].filter(Boolean).join(' ');

/** A button that ignores clicks while `busy`, but keeps its size and its focus. */
export function Button({
  look,
  wide,
  busy,
  className,
  children,
  onClick,
  type = 'button',
  ...rest
}: ComponentProps<'button'> & Look & { busy?: boolean }) {
  return (
    <button
      {...rest}
      type={type}
      className={classes({ look, wide }, className)}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      <span className={css.label}>{children}</span>
      {busy && <span className={css.spinner} aria-hidden="true" />}
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({ look, wide, className, ...rest }: LinkProps & Look) {
  return <Link {...rest} className={classes({ look, wide }, className)} />;
}
