import { Link } from 'react-router';
import { AccountMenu } from '../account/AccountMenu';
import { SearchBox } from '../tickets/SearchBox';
import { ThemeSwitch } from './ThemeSwitch';
import css from './Header.module.css';

export function Header() {
  return (
    <header className={css.header}>
      <div className={css.row}>
        <Link to="/" className={css.brand} aria-label="Boxoffice, tickets for sale">
          <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
            <path
              fill="currentColor"
              d="M3 9a3 3 0 0 1 3-3h20a3 3 0 0 1 3 3v3.5a3.5 3.5 0 0 0 0 7V23a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3v-3.5a3.5 3.5 0 0 0 0-7z"
            />
            <path className={css.perforation} strokeWidth="2" strokeDasharray="2.4 2.4" d="M20 8v16" />
          </svg>
          <span>Boxoffice</span>
        </Link>
        <SearchBox />
        <div className={css.tools}>
          <Link to="/sell" className={css.sell}>
            Sell
          </Link>
          <ThemeSwitch />
          <AccountMenu />
        </div>
      </div>
    </header>
  );
}
