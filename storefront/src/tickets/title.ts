/** Sellers write `What – Where – Which seat`; each part gets a line of its own. */
export function titleParts(title: string): { what: string; where: string[] } {
  const [what = title, ...where] = title.split(/\s+[–—|-]\s+/).filter(Boolean);
  return { what, where };
}
