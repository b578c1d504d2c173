// Before the first paint: the theme that the visitor has chosen, if any. A file of its own, because
// the page runs no inline scripts.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is refused: the system's theme it is.
}
