/** The address with one part of it changed; an empty value takes the part away. */
export function setParam(search: URLSearchParams, name: string, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value.trim()) next.set(name, value);
  else next.delete(name);
  return next;
}
