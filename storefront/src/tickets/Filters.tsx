import { useSearchParams } from 'react-router';
import { currencies, sorts } from './listQuery';
import { setParam } from './search';
import { useTyped } from '../ui/typed';
import css from './Filters.module.css';

/** What the list is narrowed down by. Every change goes into the address. */
export function Filters() {
  const [search, setSearch] = useSearchParams();
  const set = (name: string, value: string) => setSearch((s) => setParam(s, name, value), { replace: true, preventScrollReset: true });
  const currency = search.get('currency') ?? '';
  return (
    <form className={css.bar} aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label className={css.item}>
        <span>Currency</span>
        <select value={currency} onChange={(event) => set('currency', event.target.value)}>
          <option value="">Any</option>
          {currencies.map((c) => (
            <option key={c}>{c}</option>
          ))}
        </select>
      </label>
      {currency && (
        <>
          <Amount name="min" label="From" value={search.get('min') ?? ''} set={set} />
          <Amount name="max" label="Up to" value={search.get('max') ?? ''} set={set} />
        </>
      )}
      <label className={css.toggle}>
        <input type="checkbox" checked={search.has('all')} onChange={(event) => set('all', event.target.checked ? '1' : '')} />
        <span>Also those that are taken</span>
      </label>
      <label className={`${css.item} ${css.sort}`}>
        <span>Sort</span>
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

function Amount({ name, label, value, set }: { name: string; label: string; value: string; set: (name: string, value: string) => void }) {
  const [text, setText] = useTyped(value, (typed) => set(name, typed));
  return (
    <label className={css.item}>
      <span>{label}</span>
      <input inputMode="decimal" size={7} value={text} onChange={(event) => setText(event.target.value)} />
    </label>
  );
}
