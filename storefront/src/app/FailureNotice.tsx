import { Button } from '../ui/Button';
import { Notice } from '../ui/Notice';
import type { Failure } from './failure';

/** Shows why a request failed, its request id, and a button to retry where that may help. */
export function FailureNotice({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <Notice tone="bad" title={failure.title} requestId={failure.requestId}>
      <p>{failure.detail}</p>
      {retry && failure.retry && (
        <Button look="quiet" onClick={retry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}
