import type { RefObject } from 'react';
import { decimalOf, formatMoney } from '../ui/format';
import { priceOf, type Draft } from './draft';
import type { Field, Side } from './merge';
import css from './Merge.module.css';

const labels: Record<Field, string> = { title: 'What it is for', price: 'Price' };

interface Props {
  ref: RefObject<HTMLElement | null>;
  mine: Draft;
  theirs: Draft;
  /** The fields about which they differ, and what is taken as it stands. */
  rows: { field: Field; side: Side | undefined }[];
  pick: (field: Field, side: Side) => void;
}

/** Two versions of a ticket side by side, of which one takes what one likes, field by field. */
export function Merge({ ref, mine, theirs, rows, pick }: Props) {
  return (
    <section ref={ref} tabIndex={-1} className={css.merge} aria-labelledby="merge" role="group">
      <h2 id="merge">It was changed elsewhere meanwhile</h2>
      <p>
        {rows.length > 0
          ? 'Take what you like of either version, then save again. You can still change the fields below.'
          : 'Both versions say the same now.'}
      </p>
      {rows.map(({ field, side }) => (
        <fieldset key={field} className={css.row}>
          <legend>{labels[field]}</legend>
          <Version name={field} label="Keep mine" text={show(field, mine)} checked={side === 'mine'} onPick={() => pick(field, 'mine')} />
          <Version
            name={field}
            label="Take theirs"
            text={show(field, theirs)}
            checked={side === 'theirs'}
            onPick={() => pick(field, 'theirs')}
          />
          {!side && <p className={css.choose}>Both of you have changed this. Choose one.</p>}
        </fieldset>
      ))}
    </section>
  );
}

function Version({
  name,
  label,
  text,
  checked,
  onPick,
}: {
  name: string;
  label: string;
  text: string;
  checked: boolean;
  onPick: () => void;
}) {
  return (
    <label className={css.version}>
      <input type="radio" name={`merge.${name}`} checked={checked} onChange={onPick} />
      <small>{label}</small>
      <b>{text}</b>
    </label>
  );
}

function show(field: Field, draft: Draft): string {
  if (field === 'title') return draft.title.trim() || '(nothing)';
  const { price } = priceOf(draft);
  return price ? formatMoney({ currency: price.currency, decimal: decimalOf(price) }) : draft.amount.trim() || '(nothing)';
}
