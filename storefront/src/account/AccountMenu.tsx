import { useApolloClient } from '@apollo/client/react';
import type { DocumentNode } from 'graphql';
import { useLocation, useNavigate } from 'react-router';
import { failure } from '../app/failure';
import { graphql } from '../gql';
import { ButtonLink } from '../ui/Button';
import { Hidden } from '../ui/Hidden';
import { Icon } from '../ui/Icon';
import { Menu } from '../ui/Menu';
import { Skeleton } from '../ui/Skeleton';
import { toast } from '../ui/toast';
import { sessionChanged, useViewer } from './session';
import css from './AccountMenu.module.css';

const signOut = graphql(`
  mutation SignOut {
    signOut {
      signedOut
    }
  }
`);

const signOutEverywhere = graphql(`
  mutation SignOutEverywhere {
    signOutEverywhere {
      signedOut
    }
  }
`);

/** The way to sign in, or, for who has, to everything of one's own. */
export function AccountMenu() {
  const viewer = useViewer();
  const client = useApolloClient();
  const navigate = useNavigate();
  const { pathname, search } = useLocation();
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
  async function leave(mutation: DocumentNode, done: string) {
    try {
      await client.mutate({ mutation });
      await navigate('/'); // before the cache is cleared: what is shown there is for everybody
      await sessionChanged(client);
      toast(done, { tone: 'success' });
    } catch (error) {
      toast(`You are still signed in. ${failure(error).title}.`, { tone: 'warning' });
    }
  }
  const { displayName } = viewer.user;
  return (
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
      <button type="button" onClick={() => void leave(signOut, 'You are signed out.')}>
        <Icon name="leave" /> Sign out
      </button>
      <button type="button" onClick={() => void leave(signOutEverywhere, 'You are signed out on every device.')}>
        <Icon name="system" /> Sign out everywhere
      </button>
    </Menu>
  );
}
