import { failure } from './failure';
import { FailureNotice } from './FailureNotice';
import css from './Missing.module.css';

/** Above what an answer does have: says that a part did not come, and asks for it again. Nothing when all came. */
export function Missing({ error, retry }: { error: unknown; retry: () => void }) {
  if (!error) return null;
  return (
    <div className={css.missing}>
      <FailureNotice failure={{ ...failure(error), title: 'Some of this could not be looked up' }} retry={retry} />
    </div>
  );
}
