import { Button } from '../ui/Button';
import { Notice } from '../ui/Notice';
import type { Failure } from './failure';

/** Says that a request failed, with the number to quote and, where that can help, a way to try again. */
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
