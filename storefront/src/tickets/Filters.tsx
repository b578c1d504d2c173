import { useId } from 'react';
import { useSearchParams } from 'react-router';
import { currencies, priceRange, sorts } from './listQuery';
import { setParam } from './search';
import { Hidden } from '../ui/Hidden';
import { useTyped } from '../ui/typed';
import css from './Filters.module.css';

/** The filters of the list. They are part of the address. */
export function Filters() {
  const [search, setSearch] = useSearchParams();
  // Quick changes: the address may be ahead of the rendered state.
  const set = (name: string, value: string) =>
    setSearch(setParam(new URLSearchParams(location.search), name, value), { replace: true, preventScrollReset: true });
  const { currency, min, max } = priceRange(search);
  return (
    <form className={css.bar} aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label className={css.item}>
        <Hidden>Currency</Hidden>
        <select value={currency ?? ''} onChange={(event) => set('currency', event.target.value)}>
          <option value="">Any currency</option>
          {currencies.map((c) => (
            <option key={c}>{c}</option>
          ))}
        </select>
      </label>
      {currency && (
        <>
          <Amount name="min" label="From" value={search.get('min') ?? ''} fault={min.fault} set={set} />
          <Amount name="max" label="Up to" value={search.get('max') ?? ''} fault={max.fault} set={set} />
        </>
      )}
      <label className={css.toggle}>
        <input type="checkbox" checked={search.has('all')} onChange={(event) => set('all', event.target.checked ? '1' : '')} />
        <span>Show sold and reserved</span>
      </label>
      <label className={`${css.item} ${css.sort}`}>
        <Hidden>Sort</Hidden>
        <select
          value={search.get('sort') ?? 'newest'}
          onChange={(event) => set('sort', event.target.value === 'newest' ? '' : event.target.value)}
        >
          {Object.entries(sorts).map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

interface AmountProps {
  name: string;
  label: string;
  value: string;
  fault: string | undefined;
  set: (name: string, value: string) => void;
}

function Amount({ name, label, value, fault, set }: AmountProps) {
  const [text, setText] = useTyped(value, (typed) => set(name, typed));
  const id = useId();
  return (
    <div className={css.amount} data-invalid={fault ? true : undefined}>
      <label className={css.item}>
        <span>{label}</span>
        <input
          inputMode="decimal"
          size={7}
          value={text}
          aria-invalid={fault ? true : undefined}
          aria-describedby={fault && id}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <p role="status" id={id}>
        {fault}
      </p>
    </div>
  );
}
