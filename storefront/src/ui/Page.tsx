import type { ReactNode } from 'react';
import css from './Page.module.css';

/** The frame of a page: tab title, heading, and width. */
export function Page({
  title,
  lead,
  heading = true,
  narrow,
  children,
}: {
  title: string;
  lead?: ReactNode;
  heading?: boolean;
  narrow?: boolean;
  children?: ReactNode;
}) {
  return (
    <div className={narrow ? css.narrow : css.page}>
      <title>{`${title} · Boxoffice`}</title>
      {heading && (
        <header className={css.head}>
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <p className={css.lead}>{lead}</p>}
        </header>
      )}
      {children}
    </div>
  );
}
