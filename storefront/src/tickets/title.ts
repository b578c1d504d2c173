/** The parts of a title like `Event – Venue – Seat`. */
export function titleParts(title: string): { what: string; where: string[] } {
  const [what = title, ...where] = title.split(/\s+[–—|-]\s+/).filter(Boolean);
  return { what, where };
}
