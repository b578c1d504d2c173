// Sets the visitor's theme before the first paint. It is a file because the page's policy forbids inline scripts.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is disabled: use the system's theme.
}
