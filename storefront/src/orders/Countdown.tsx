import { Hidden } from '../ui/Hidden';
import { announcement, digits, spoken, useSecondsLeft } from './deadline';
import css from './Countdown.module.css';

/** The time left to pay. Screen readers announce it at a few steps and on demand. */
export function Countdown({ deadline, total }: { deadline: number; total: number }) {
  const left = useSecondsLeft(deadline);
  return (
    <div className={css.countdown} data-soon={left <= 60 || undefined}>
      <p className={css.time} role="timer">
        <span aria-hidden="true">{digits(left)}</span>
        <Hidden>{spoken(left)} left to pay</Hidden>
      </p>
      <div className={css.track} aria-hidden="true">
        <div className={css.rest} style={{ scale: `${Math.min(1, left / total)} 1` }} />
      </div>
      <Hidden>
        <span role="status">{announcement(left)}</span>
      </Hidden>
    </div>
  );
}

/** The same in a line of text. */
export function TimeLeft({ deadline }: { deadline: number }) {
  const left = useSecondsLeft(deadline);
  return (
    <span role="timer" className={css.left} data-soon={left <= 60 || undefined}>
      <span aria-hidden="true">{digits(left)}</span>
      <Hidden>{spoken(left)}</Hidden> left
    </span>
  );
}
