// Money and times in the notation of the visitor's language and region.
export interface Amount {
  decimal: string;
  currency: string;
}

const cached = <F>(make: (key: string) => F) => {
  const known = new Map<string, F>();
  return (key: string) => {
    let f = known.get(key);
    if (!f) known.set(key, (f = make(key)));
    return f;
  };
};

const moneyFormat = cached(
  (currency) => new Intl.NumberFormat(navigator.languages, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }),
);

/** `€64.00`, `64,00 €`: exact, because the amount stays decimal text. */
export function formatMoney({ decimal, currency }: Amount): string {
  return moneyFormat(currency).format(decimal as Intl.StringNumericLiteral);
}

/** The number of decimals of a currency: 2 for EUR, 0 for JPY. */
export function decimalsOf(currency: string): number {
  return moneyFormat(currency).resolvedOptions().maximumFractionDigits ?? 2;
}

const ownDecimalPoint = () => new Intl.NumberFormat(navigator.languages).formatToParts(1.5).find(({ type }) => type === 'decimal')!.value;

/** Minor units in the API's decimal notation: `64.00`. */
export function decimalOf({ minorUnits, currency }: { minorUnits: number; currency: string }): string {
  const decimals = decimalsOf(currency);
  const digits = String(minorUnits).padStart(decimals + 1, '0');
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}

/** The amount with the visitor's decimal separator: `64,00`. */
export const typedAmount = ({ decimal }: Amount) => decimal.replace('.', ownDecimalPoint());

/**
 * Parses an amount in the currency's smallest unit; undefined when it is invalid. Points and commas may be used either
 * way, `1,299.00` or `1.299,00`. In ambiguous amounts such as `1.299`, `decimalPoint` is the decimal separator.
 */
export function parseMoney(text: string, currency: string, decimalPoint = ownDecimalPoint()): number | undefined {
  const decimals = decimalsOf(currency);
  const clean = text.replace(/[\s'’\u00a0\u202f]/g, '');
  const match = /^(?<whole>\d{1,3}(?<group>[.,])\d{3}(?:\k<group>\d{3})*|\d+)(?:(?<point>[.,])(?<fraction>\d+))?$/.exec(clean)?.groups;
  if (!match) return undefined;
  let { whole = '', fraction = '' } = match;
  const { group, point } = match;
  if (group && group === point) return undefined;
  if (group && !point && whole.split(group).length === 2 && group === decimalPoint)
    [whole, fraction] = whole.split(group) as [string, string];
  if (fraction.length > decimals) return undefined;
  const minor = Number(whole.replace(/[.,]/g, '') + fraction.padEnd(decimals, '0'));
  return Number.isSafeInteger(minor) ? minor : undefined;
}

/** The highest price, in the smallest unit of any currency. */
const maxPrice = 99_999_999;

/** Parses a price; `fault` is the message when it is invalid. */
export function readPrice(text: string, currency: string): { minorUnits?: number; fault?: string } {
  const minorUnits = parseMoney(text, currency);
  const words = (units: number) => formatMoney({ decimal: decimalOf({ minorUnits: units, currency }), currency });
  if (minorUnits === undefined) {
    const example = typedAmount({ decimal: decimalsOf(currency) ? '64.00' : '9000', currency });
    return { fault: `Enter an amount like ${example}.` };
  }
  if (minorUnits < 1) return { fault: `The lowest price is ${words(1)}.` };
  if (minorUnits > maxPrice) return { fault: `The highest price is ${words(maxPrice)}.` };
  return { minorUnits };
}

const dateFormat = new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short' });
const relativeFormat = new Intl.RelativeTimeFormat(navigator.languages, { numeric: 'auto' });

export function formatDate(instant: string): string {
  return dateFormat.format(new Date(instant));
}

/** `3 minutes ago`, `yesterday`. */
export function formatAgo(instant: string, now = Date.now()): string {
  const seconds = (new Date(instant).getTime() - now) / 1000;
  for (const [unit, size] of [
    ['year', 31_557_600],
    ['month', 2_629_800],
    ['week', 604_800],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const)
    if (Math.abs(seconds) >= size) return relativeFormat.format(Math.trunc(seconds / size), unit);
  return relativeFormat.format(Math.trunc(seconds), 'second');
}
