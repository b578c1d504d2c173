import type { ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import { LoadingPage } from '../app/LoadingPage';
import { useViewer } from './session';

/** Shows a page to who is signed in; others sign in first and come back to it. */
export function SignedIn({ children }: { children: ReactNode }) {
  const viewer = useViewer();
  const { pathname, search } = useLocation();
  if (viewer === undefined) return <LoadingPage />;
  if (viewer === null) return <Navigate to={`/sign-in?next=${encodeURIComponent(pathname + search)}`} replace />;
  return children;
}
