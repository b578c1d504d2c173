import { Time } from '../ui/Time';
import type { HistoryItem } from './order';
import css from './History.module.css';

/** The history of an order, oldest first. */
export function History({ of }: { of: readonly HistoryItem[] }) {
  return (
    <section className={css.history} aria-labelledby="history">
      <h2 id="history">Order history</h2>
      <ol>
        {of.map(({ id, at, text, detail, tone }) => (
          <li key={id} data-tone={tone}>
            <p>
              <strong>{text}</strong> <Time at={at} />
            </p>
            {detail && <p className={css.detail}>{detail}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}
