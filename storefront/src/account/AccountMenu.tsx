import { useState } from 'react';
import { Link, useLocation } from 'react-router';
import { ignore } from '../app/failure';
import { Button, ButtonLink } from '../ui/Button';
import { Hidden } from '../ui/Hidden';
import { Icon } from '../ui/Icon';
import { Menu } from '../ui/Menu';
import { Skeleton } from '../ui/Skeleton';
import { useSession } from './session';
import { SignOutEverywhere } from './SignOutEverywhere';
import { useSignOut } from './signOut';
import css from './AccountMenu.module.css';

/** A link to sign in, or the menu of the viewer's account. */
export function AccountMenu() {
  const { data, error, refetch } = useSession();
  const viewer = data?.viewer;
  const { here: leave } = useSignOut();
  const [asking, setAsking] = useState(false);
  const { pathname, search } = useLocation();
  if (viewer === undefined && error)
    return (
      <Button title="Your account couldn’t load" onClick={() => void refetch().catch(ignore)}>
        <Icon name="user" /> <span className={css.name}>Try again</span>
      </Button>
    );
  if (viewer === undefined) return <Skeleton width="6rem" height="2.75rem" />;
  if (viewer === null) {
    const here = pathname.startsWith('/sign-')
      ? search
      : pathname === '/' && !search
        ? ''
        : `?next=${encodeURIComponent(pathname + search)}`;
    return (
      <ButtonLink to={`/sign-in${here}`} look="quiet">
        Sign in
      </ButtonLink>
    );
  }
  const { displayName } = viewer.user;
  return (
    <>
      <Menu
        button={
          <>
            <Hidden>Account of </Hidden>
            <b className={css.initial} aria-hidden="true">
              {displayName.charAt(0).toUpperCase()}
            </b>
            <span className={css.name}>{displayName}</span>
          </>
        }
      >
        <header>
          <strong>{displayName}</strong>
          <small>{viewer.email}</small>
        </header>
        <hr />
        <Link to="/orders">
          <Icon name="receipt" /> Your orders
        </Link>
        <Link to="/listings">
          <Icon name="ticket" /> Your listings
        </Link>
        <Link to="/sell">
          <Icon name="plus" /> Sell a ticket
        </Link>
        <Link to="/account">
          <Icon name="user" /> Your account
        </Link>
        <hr />
        <button type="button" onClick={() => void leave()}>
          <Icon name="leave" /> Sign out
        </button>
        <button type="button" onClick={() => setAsking(true)}>
          <Icon name="system" /> Sign out everywhere
        </button>
      </Menu>
      {asking && <SignOutEverywhere close={() => setAsking(false)} />}
    </>
  );
}
