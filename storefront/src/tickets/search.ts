/** The search parameters with one changed; an empty value removes it. */
export function setParam(search: URLSearchParams, name: string, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value.trim()) next.set(name, value);
  else next.delete(name);
  return next;
}
