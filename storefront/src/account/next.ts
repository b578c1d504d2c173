/** The path to open after sign-in; never another site. */
export function nextOf(search: URLSearchParams): string {
  const next = search.get('next') ?? '/';
  const url = new URL(next, location.origin);
  return next.startsWith('/') && url.origin === location.origin ? url.pathname + url.search : '/';
}

/** A link between sign-in and sign-up that keeps the destination. */
export const withNext = (path: string, search: URLSearchParams) =>
  search.has('next') ? `${path}?next=${encodeURIComponent(nextOf(search))}` : path;
