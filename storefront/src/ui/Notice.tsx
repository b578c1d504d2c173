import type { ReactNode } from 'react';
import { Icon } from './Icon';
import css from './Notice.module.css';

/** A message in the flow of the page. Screen readers announce bad ones at once. */
export function Notice({
  tone = 'info',
  title,
  requestId,
  children,
}: {
  tone?: 'info' | 'good' | 'bad';
  title?: string;
  requestId?: string;
  children?: ReactNode;
}) {
  return (
    <div className={css.notice} data-tone={tone} role={tone === 'bad' ? 'alert' : undefined}>
      <Icon name={tone === 'good' ? 'check' : 'alert'} />
      <div className={css.text}>
        {title && <strong>{title}</strong>}
        <div>{children}</div>
        {requestId && (
          <p className={css.id}>
            Reference: <code>{requestId}</code>
          </p>
        )}
      </div>
    </div>
  );
}
