import type { ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import { failure, ignore } from '../app/failure';
import { FailureNotice } from '../app/FailureNotice';
import { Page } from '../ui/Page';
import { useSession } from './session';

/** Shows a page when signed in; otherwise redirects to the sign-in page, which leads back. */
export function SignedIn({ skeleton, children }: { skeleton: ReactNode; children: ReactNode }) {
  const { data, error, loading, refetch } = useSession();
  const { pathname, search } = useLocation();
  if (data?.viewer) return children;
  if (data) return <Navigate to={`/sign-in?next=${encodeURIComponent(pathname + search)}`} replace />;
  if (loading || !error) return skeleton;
  return (
    <Page title="Your account couldn’t load">
      <FailureNotice failure={failure(error)} retry={() => void refetch().catch(ignore)} />
    </Page>
  );
}
