import type { RefObject } from 'react';
import { decimalOf, formatMoney } from '../ui/format';
import { priceOf, type Draft } from './draft';
import type { Field, Side } from './merge';
import css from './Merge.module.css';

const labels: Record<Field, string> = { title: 'Event', price: 'Price' };

interface Props {
  ref: RefObject<HTMLElement | null>;
  mine: Draft;
  theirs: Draft;
  /** The fields that differ, and the version chosen for each. */
  rows: { field: Field; side: Side | undefined }[];
  pick: (field: Field, side: Side) => void;
}

/** Two versions of a ticket side by side, to choose from for each field. */
export function Merge({ ref, mine, theirs, rows, pick }: Props) {
  return (
    <section ref={ref} tabIndex={-1} className={css.merge} aria-labelledby="merge" role="group">
      <h2 id="merge">This listing was changed elsewhere</h2>
      <p>
        {rows.length > 0
          ? 'Choose a version for each field, then save again. You can still edit the fields below.'
          : 'Both versions are the same now.'}
      </p>
      {rows.map(({ field, side }) => (
        <fieldset key={field} className={css.row}>
          <legend>{labels[field]}</legend>
          <Version name={field} label="Keep yours" text={show(field, mine)} checked={side === 'mine'} onPick={() => pick(field, 'mine')} />
          <Version
            name={field}
            label="Use theirs"
            text={show(field, theirs)}
            checked={side === 'theirs'}
            onPick={() => pick(field, 'theirs')}
          />
          {!side && <p className={css.choose}>Both versions changed this. Choose one.</p>}
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
  if (field === 'title') return draft.title.trim() || '(empty)';
  const { price } = priceOf(draft);
  return price ? formatMoney({ currency: price.currency, decimal: decimalOf(price) }) : draft.amount.trim() || '(empty)';
}
