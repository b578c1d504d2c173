import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useSignOut } from './signOut';
import css from './Account.module.css';

/** Asks for confirmation before signing out everywhere. */
export function SignOutEverywhere({ close }: { close: () => void }) {
  const { everywhere } = useSignOut();
  return (
    <Dialog title="Sign out everywhere?" close={close}>
      <p>You’ll be signed out on every device, including this one. Your orders and listings stay as they are.</p>
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
