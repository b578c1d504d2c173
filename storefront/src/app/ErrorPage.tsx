import { useEffect } from 'react';
import { isRouteErrorResponse, useRouteError } from 'react-router';
import { Button } from '../ui/Button';
import { Page } from '../ui/Page';
import { failure } from './failure';
import { FailureNotice } from './FailureNotice';
import { NotFound } from './NotFound';

/** Takes the place of a page that broke. The header stays. */
export function ErrorPage() {
  const error = useRouteError();
  useEffect(() => console.error(error), [error]);
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
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
