import { useEffect, useRef, useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { Hidden } from '../ui/Hidden';
import { Icon } from '../ui/Icon';
import { setParam } from './search';
import css from './SearchBox.module.css';

/** Searches while one types on the list, and on Enter from anywhere else. */
export function SearchBox() {
  const { pathname } = useLocation();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const onList = pathname === '/';
  const query = onList ? (search.get('q') ?? '') : '';
  const [text, setText] = useState(query);
  const sent = useRef(query);
  useEffect(() => {
    // Somebody went back, or cleared the search: not an echo of what was typed here.
    if (query !== sent.current) setText((sent.current = query));
  }, [query]);

  const go = (value: string) => {
    sent.current = value.trim();
    void navigate({ pathname: '/', search: setParam(onList ? search : new URLSearchParams(), 'q', value.trim()).toString() }, { replace: onList });
  };
  useEffect(() => {
    if (!onList || text.trim() === sent.current) return;
    const timer = setTimeout(() => go(text), 250);
    return () => clearTimeout(timer);
  });

  return (
    <search className={css.search}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go(text);
        }}
      >
        <label htmlFor="search" className={css.label}>
          <Icon name="search" />
          <Hidden>Search tickets</Hidden>
        </label>
        <input id="search" type="search" placeholder="Artist, team, place" autoComplete="off" enterKeyHint="search" maxLength={100} value={text} onChange={(event) => setText(event.target.value)} />
      </form>
    </search>
  );
}
