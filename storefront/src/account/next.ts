/** Where to go after signing in: a path of this page, never another site. */
export function nextOf(search: URLSearchParams): string {
  const next = search.get('next') ?? '/';
  const url = new URL(next, location.origin);
  return next.startsWith('/') && url.origin === location.origin ? url.pathname + url.search : '/';
}

/** Leads from signing in to signing up and back, with the same destination. */
export const withNext = (path: string, search: URLSearchParams) =>
  search.has('next') ? `${path}?next=${encodeURIComponent(nextOf(search))}` : path;
