import { Skeleton } from '../ui/Skeleton';
import page from '../ui/Page.module.css';
import card from './TicketCard.module.css';
import list from './Tickets.module.css';
import ticket from './Ticket.module.css';

export function CardSkeleton() {
  return (
    <div className={card.card} aria-hidden="true">
      <Skeleton className={`${card.poster} ${list.blank}`} height="auto" />
      <div className={card.body}>
        <Skeleton width="80%" height="1.5rem" />
        <Skeleton width="60%" />
      </div>
      <div className={card.stub}>
        <Skeleton width="5rem" height="1.375rem" />
        <Skeleton width="4rem" />
      </div>
    </div>
  );
}

/** The list while it loads. */
export function CardsSkeleton() {
  return (
    <div className={page.page} aria-busy="true">
      <div className={list.hero}>
        <Skeleton width="min(38rem, 90%)" height="calc(var(--size-5) * 2.1)" />
      </div>
      <div className={list.bar}>
        <Skeleton width="100%" height="2.75rem" />
      </div>
      <ul className={list.grid}>
        {Array.from({ length: 8 }, (_, i) => (
          <li key={i}>
            <CardSkeleton />
          </li>
        ))}
      </ul>
    </div>
  );
}

export function TicketSkeleton() {
  return (
    <div className={page.page} aria-busy="true">
      <div className={ticket.layout}>
        <Skeleton className={ticket.poster} height="auto" />
        <div className={ticket.text}>
          <Skeleton width="90%" height="var(--size-5)" />
          <Skeleton width="60%" height="1.25rem" />
          <Skeleton width="10rem" height="var(--size-4)" />
        </div>
      </div>
    </div>
  );
}
