import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { Button } from '../ui/Button';
import { formatDate } from '../ui/format';
import { Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Time } from '../ui/Time';
import { accountQuery } from './accountQuery';
import { useViewer } from './session';
import { SignOutEverywhere } from './SignOutEverywhere';
import { useSignOut } from './signOut';
import css from './Account.module.css';

export default function AccountPage() {
  const known = useViewer();
  const { data } = useQuery(accountQuery, { errorPolicy: 'none' });
  const { here } = useSignOut();
  const [asking, setAsking] = useState(false);
  const viewer = data?.viewer;
  return (
    <Page title="Your account" narrow>
      <dl className={css.facts}>
        <dt>Name</dt>
        <dd>{known?.user.displayName}</dd>
        <dt>Email</dt>
        <dd>{known?.email}</dd>
        <dt>Member since</dt>
        <dd>{viewer ? formatDate(viewer.user.memberSince) : <Skeleton width="9rem" />}</dd>
        <dt>Signed in</dt>
        <dd>{viewer ? <Time at={viewer.session.createdAt} /> : <Skeleton width="7rem" />}</dd>
        <dt>Signed in until</dt>
        <dd>{viewer ? formatDate(viewer.session.expiresAt) : <Skeleton width="9rem" />}</dd>
      </dl>
      <p className={css.note}>Extended each time you visit.</p>
      <p className={css.ways}>
        <Button onClick={() => void here()}>Sign out</Button>
        <Button look="danger" onClick={() => setAsking(true)}>
          Sign out everywhere
        </Button>
      </p>
      {asking && <SignOutEverywhere close={() => setAsking(false)} />}
    </Page>
  );
}
