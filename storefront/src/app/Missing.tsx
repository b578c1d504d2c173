import { failure } from './failure';
import { FailureNotice } from './FailureNotice';
import css from './Missing.module.css';

/** Shows above an incomplete response that a part is missing, with a button to retry. Renders nothing otherwise. */
export function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  if (!error) return null;
  return (
    <div className={css.missing}>
      <FailureNotice failure={{ ...failure(error), title: 'Some details couldn’t load' }} retry={retry} />
    </div>
  );
}
