import { formatAgo, formatDate } from './format';

/** A moment, such as `3 minutes ago`; the exact one on hover. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatDate(at)}>
      {formatAgo(at)}
    </time>
  );
}
