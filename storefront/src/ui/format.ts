// Money and times in the words of the visitor's own language and region.
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

const moneyFormat = cached((currency) => new Intl.NumberFormat(navigator.languages, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }));

/** `€64.00`, `64,00 €`: exact, because the amount stays decimal text. */
export function formatMoney({ decimal, currency }: Amount): string {
  return moneyFormat(currency).format(decimal as Intl.StringNumericLiteral);
}

/** How many decimals people write amounts of a currency with: 2 for EUR, 0 for JPY. */
export function decimalsOf(currency: string): number {
  return moneyFormat(currency).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * The amount that somebody has typed, in the currency's smallest unit; undefined when it is none. Both
 * `64.50` and `64,50` are sixty-four and a half, `1,299.00` and `1.299,00` are thirteen hundred less one.
 */
export function parseMoney(text: string, currency: string): number | undefined {
  const decimals = decimalsOf(currency);
  const clean = text.replace(/[\s'’\u00a0\u202f]/g, '');
  const match = /^(\d{1,3}(?:[.,]\d{3})+|\d+)(?:[.,](\d+))?$/.exec(clean);
  if (!match) return undefined;
  let [, whole = '', fraction = ''] = match;
  const separators = whole.match(/[.,]/g) ?? [];
  if (new Set(separators).size > 1) return undefined;
  // A single group of three could be thousands or, for a currency with three decimals, a fraction.
  if (separators.length === 1 && !fraction && decimals === 3) [whole, fraction] = whole.split(/[.,]/) as [string, string];
  if (fraction.length > decimals) return undefined;
  const minor = Number(whole.replace(/[.,]/g, '') + fraction.padEnd(decimals, '0'));
  return Number.isSafeInteger(minor) ? minor : undefined;
}

const dateFormat = new Intl.DateTimeFormat(navigator.languages, { dateStyle: 'medium', timeStyle: 'short' });
const relativeFormat = new Intl.RelativeTimeFormat(navigator.languages, { numeric: 'auto' });

export function formatDate(instant: string): string {
  return dateFormat.format(new Date(instant));
}

/** `3 minutes ago`, `yesterday`. */
export function formatAgo(instant: string, now = Date.now()): string {
  const seconds = (new Date(instant).getTime() - now) / 1000;
  for (const [unit, size] of [['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]] as const)
    if (Math.abs(seconds) >= size) return relativeFormat.format(Math.trunc(seconds / size), unit);
  return relativeFormat.format(Math.trunc(seconds), 'second');
}
