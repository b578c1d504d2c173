import type { TicketAvailability } from '../gql/graphql';
import css from './Availability.module.css';

const labels: Record<TicketAvailability, string> = { AVAILABLE: 'Available', RESERVED: 'Reserved', SOLD: 'Sold', WITHDRAWN: 'Withdrawn' };

export function Availability({ of }: { of: TicketAvailability }) {
  return (
    <span className={css.badge} data-of={of}>
      {labels[of] ?? of}
    </span>
  );
}
