import { useEffect, useState } from 'react';
import { isRouteErrorResponse, useRouteError } from 'react-router';
import { Button } from '../ui/Button';
import { Page } from '../ui/Page';
import { failure } from './failure';
import { FailureNotice } from './FailureNotice';
import { NotFound } from './NotFound';

/** Takes the place of a page that broke. The header stays. */
export function ErrorPage() {
  const error = useRouteError();
  const [offline] = useState(() => !navigator.onLine);
  useEffect(() => {
    if (!offline) console.error(error);
  }, [error, offline]);
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  if (offline) return <Offline />;
  const broken = error instanceof TypeError || error instanceof ReferenceError; // a fault of the page's own
  return (
    <Page title="That did not work">
      <FailureNotice failure={broken ? { title: 'This page broke', detail: 'Loading it again may help.', retry: true } : failure(error)} />
      <p>
        <Button look="primary" onClick={() => location.reload()}>
          Load the page again
        </Button>
      </p>
    </Page>
  );
}

/** A page that has never been here needs the network to come. It comes by itself as soon as that is back. */
function Offline() {
  useEffect(() => {
    const load = () => location.reload();
    addEventListener('online', load);
    return () => removeEventListener('online', load);
  }, []);
  return <Page title="You are offline" lead="This page has not been loaded yet. It comes by itself when the network is back." />;
}
