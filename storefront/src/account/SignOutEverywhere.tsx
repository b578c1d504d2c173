import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useSignOut } from './signOut';
import css from './Account.module.css';

/** Asks first: it is for a lost phone, not for every day. */
export function SignOutEverywhere({ close }: { close: () => void }) {
  const { everywhere } = useSignOut();
  return (
    <Dialog title="Sign out everywhere?" close={close}>
      <p>
        Every browser and phone that you are signed in with is signed out, this one too. What you have bought and what you sell stays as it
        is.
      </p>
      <div className={css.ways}>
        <Button
          look="danger"
          onClick={() => {
            close();
            void everywhere();
          }}
        >
          Sign out everywhere
        </Button>
        <Button onClick={close}>Stay signed in</Button>
      </div>
    </Dialog>
  );
}
