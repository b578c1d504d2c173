import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { Hidden } from '../ui/Hidden';
import { Icon } from '../ui/Icon';
import { useTyped } from '../ui/typed';
import { setParam } from './search';
import css from './SearchBox.module.css';

/** Searches on each key on the list, and on Enter on other pages. Going back leads to the page before the search. */
export function SearchBox() {
  const { pathname } = useLocation();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const onList = pathname === '/';
  const go = (query: string) => {
    // Quick changes: the address may be ahead of the rendered state.
    const now = new URLSearchParams(onList ? location.search : '');
    void navigate({ pathname: '/', search: setParam(now, 'q', query).toString() }, { replace: now.has('q') });
  };
  const [text, setText] = useTyped(onList ? (search.get('q') ?? '') : '', go, { skip: !onList });
  return (
    <search className={css.search}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go(text.trim());
        }}
      >
        <label htmlFor="search" className={css.label}>
          <Icon name="search" />
          <Hidden>Search tickets</Hidden>
        </label>
        <input
          id="search"
          type="search"
          placeholder="Search artists, teams or venues"
          autoComplete="off"
          enterKeyHint="search"
          maxLength={100}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </form>
    </search>
  );
}
