import { currencies } from '../tickets/listQuery';
import { titleParts } from '../tickets/title';
import { Field } from '../ui/Field';
import { Poster } from '../ui/Poster';
import { Price } from '../ui/Price';
import type { Form } from '../ui/form';
import { priceOf, type Draft } from './draft';
import { decimalOf } from '../ui/format';
import card from '../tickets/TicketCard.module.css';
import css from './Selling.module.css';

/** The fields of a ticket in a form. */
export function TicketFields({ form, draft, onChange }: { form: Form; draft: Draft; onChange: (draft: Draft) => void }) {
  const offered = currencies.includes(draft.currency) ? currencies : [...currencies, draft.currency];
  return (
    <>
      <Field
        form={form}
        name="title"
        label="Event"
        missing="Enter the event."
        hint="Event, venue and seat with dashes between them: “Swan Lake – Royal Opera House – Row F”."
        value={draft.title}
        onChange={(event) => onChange({ ...draft, title: event.target.value })}
        maxLength={200}
        autoComplete="off"
        required
      />
      <div className={css.price}>
        <Field
          form={form}
          name="price.minorUnits"
          label="Price"
          inputMode="decimal"
          value={draft.amount}
          onChange={(event) => onChange({ ...draft, amount: event.target.value })}
          autoComplete="off"
          required
        />
        <Choice
          label="Currency"
          name="price.currency"
          error={form.error('price.currency')}
          value={draft.currency}
          options={offered}
          onChange={(currency) => onChange({ ...draft, currency })}
        />
      </div>
    </>
  );
}

function Choice({
  label,
  name,
  error,
  value,
  options,
  onChange,
}: {
  label: string;
  name: string;
  error?: string;
  value: string;
  options: string[];
  onChange: (value: string) => void;
}) {
  return (
    <label className={css.choice} data-invalid={error ? true : undefined}>
      <span>{label}</span>
      <select name={name} value={value} aria-invalid={error ? true : undefined} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
      {error && <small>{error}</small>}
    </label>
  );
}

/** The ticket as the list shows it. Its picture is drawn from its id, so a new ticket has none yet. */
export function Preview({ id, draft }: { id?: string; draft: Draft }) {
  const { what, where } = titleParts(draft.title.trim());
  const { price } = priceOf(draft);
  return (
    <aside className={css.preview} aria-label="Preview">
      <div className={card.card} aria-hidden="true">
        {id ? (
          <Poster seed={id} className={card.poster} />
        ) : (
          <div className={`${card.poster} ${css.blank}`}>The picture appears when the ticket is listed</div>
        )}
        <div className={card.body}>
          <p className={`${card.what} ${css.what}`}>{what || 'Your ticket'}</p>
          <p className={card.where}>{where.join(' · ') || '\u00a0'}</p>
        </div>
        <div className={card.stub}>
          <span className={card.price}>{price ? <Price of={{ currency: price.currency, decimal: decimalOf(price) }} /> : '–'}</span>
          <span className={card.seller}>from you</span>
        </div>
      </div>
    </aside>
  );
}
