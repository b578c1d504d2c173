import { useState } from 'react';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { toast } from '../ui/toast';

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

// public/theme.js sets it before the first paint.
function current(): Theme {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

function choose(theme: Theme) {
  try {
    if (theme === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', theme);
  } catch {
    // Storage is disabled: the theme lasts until the page is reloaded.
  }
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Switches from the system's theme to light, dark and back. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(current);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length]!;
  return (
    <Button
      look="bare"
      aria-label={`Theme: ${theme}. Change to ${next}`}
      title={`Theme: ${theme}`}
      onClick={() => {
        choose(next);
        setTheme(next);
        toast(next === 'system' ? 'Theme: same as your system.' : `Theme: ${next}.`);
      }}
    >
      <Icon name={theme === 'light' ? 'sun' : theme === 'dark' ? 'moon' : 'system'} />
    </Button>
  );
}
