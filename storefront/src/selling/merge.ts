// What becomes of a draft when the ticket has changed elsewhere meanwhile: three versions, the one that
// the draft began with, the draft, and the ticket as it is now.
import { parseMoney } from '../ui/format';
import type { Draft } from './draft';

export const fields = ['title', 'price'] as const;
export type Field = (typeof fields)[number];
export type Side = 'mine' | 'theirs';

/** Whether both say the same about the field, however it is written. */
export function same(field: Field, a: Draft, b: Draft): boolean {
  if (field === 'title') return a.title.trim() === b.title.trim();
  if (a.currency !== b.currency) return false;
  return a.amount.trim() === b.amount.trim() || (parseMoney(a.amount, a.currency) ?? NaN) === parseMoney(b.amount, b.currency);
}

/** The fields about which they differ. */
export const differences = (a: Draft, b: Draft): Field[] => fields.filter((field) => !same(field, a, b));

/** What to take when nobody has said: what only one side has changed. Undefined when both have, differently. */
export function natural(field: Field, base: Draft, mine: Draft, theirs: Draft): Side | undefined {
  if (same(field, base, mine)) return 'theirs';
  if (same(field, base, theirs) || same(field, mine, theirs)) return 'mine';
  return undefined;
}

/** The draft with the field as the other has it. */
export function take(field: Field, from: Draft, into: Draft): Draft {
  return field === 'title' ? { ...into, title: from.title } : { ...into, amount: from.amount, currency: from.currency };
}
