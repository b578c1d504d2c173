// Three-way merge of a draft with a ticket that was changed elsewhere: the version that the draft is based on, the
// draft, and the current ticket.
import { parseMoney } from '../ui/format';
import type { Draft } from './draft';

export const fields = ['title', 'price'] as const;
export type Field = (typeof fields)[number];
export type Side = 'mine' | 'theirs';

/** Whether both have the same value of the field, in any notation. */
export function same(field: Field, a: Draft, b: Draft): boolean {
  if (field === 'title') return a.title.trim() === b.title.trim();
  if (a.currency !== b.currency) return false;
  return a.amount.trim() === b.amount.trim() || (parseMoney(a.amount, a.currency) ?? NaN) === parseMoney(b.amount, b.currency);
}

/** The fields that differ. */
export const differences = (a: Draft, b: Draft): Field[] => fields.filter((field) => !same(field, a, b));

/** The side that alone has changed the field; undefined when both have, differently. */
export function natural(field: Field, base: Draft, mine: Draft, theirs: Draft): Side | undefined {
  if (same(field, base, mine)) return 'theirs';
  if (same(field, base, theirs) || same(field, mine, theirs)) return 'mine';
  return undefined;
}

/** The draft with the field of the other version. */
export function take(field: Field, from: Draft, into: Draft): Draft {
  return field === 'title' ? { ...into, title: from.title } : { ...into, amount: from.amount, currency: from.currency };
}
