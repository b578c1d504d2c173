import { useEffect, useState } from 'react';
import { isRouteErrorResponse, useRouteError } from 'react-router';
import { Button } from '../ui/Button';
import { Page } from '../ui/Page';
import { failure } from './failure';
import { FailureNotice } from './FailureNotice';
import { NotFound } from './NotFound';

/** Replaces a page that failed. The header stays. */
export function ErrorPage() {
  const error = useRouteError();
  const [offline] = useState(() => !navigator.onLine);
  useEffect(() => {
    if (!offline) console.error(error);
  }, [error, offline]);
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  if (offline) return <Offline />;
  const broken = error instanceof TypeError || error instanceof ReferenceError; // a fault in the page's code
  return (
    <Page title="That didn’t work">
      <FailureNotice
        failure={broken ? { title: 'Something went wrong', detail: 'Reloading the page may help.', retry: true } : failure(error)}
      />
      <p>
        <Button look="primary" onClick={() => location.reload()}>
          Reload page
        </Button>
      </p>
    </Page>
  );
}

/** For a page whose code is not loaded yet. It reloads when the browser is online again. */
function Offline() {
  useEffect(() => {
    const load = () => location.reload();
    addEventListener('online', load);
    return () => removeEventListener('online', load);
  }, []);
  return <Page title="You’re offline" lead="This page hasn’t loaded yet. It will load when you’re back online." />;
}
