// Sign-out, from the menu and from the account's page.
import { useApolloClient } from '@apollo/client/react';
import type { DocumentNode } from 'graphql';
import { useNavigate } from 'react-router';
import { failure } from '../app/failure';
import { graphql } from '../gql';
import { toast } from '../ui/toast';
import { sessionChanged } from './session';

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

/** Functions that end this session, or all of the viewer's, and open a public page. */
export function useSignOut() {
  const client = useApolloClient();
  const navigate = useNavigate();
  async function leave(mutation: DocumentNode, done: string) {
    try {
      await client.mutate({ mutation });
    } catch (error) {
      toast(`You’re still signed in. ${failure(error).title}.`, { tone: 'warning' });
      return;
    }
    await navigate('/'); // before the cache is cleared: this page needs no session
    await sessionChanged(client);
    toast(done, { tone: 'success' });
  }
  return {
    here: () => leave(signOut, 'You’re signed out.'),
    everywhere: () => leave(signOutEverywhere, 'You’re signed out on every device.'),
  };
}
