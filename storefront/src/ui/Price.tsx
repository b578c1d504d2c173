import { formatMoney, type Amount } from './format';

/** An amount of money in the visitor's notation. */
export function Price({ of }: { of: Amount }) {
  return <data value={`${of.decimal} ${of.currency}`}>{formatMoney(of)}</data>;
}
