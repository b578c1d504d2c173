import type { TicketAvailability } from '../gql/graphql';
import css from './Availability.module.css';

const labels: Partial<Record<string, string>> = { AVAILABLE: 'Available', RESERVED: 'Reserved', SOLD: 'Sold', WITHDRAWN: 'Off sale' };

export function Availability({ of }: { of: TicketAvailability }) {
  return (
    <span className={css.badge} data-of={of}>
      {labels[of] ?? of /* added to the API later */}
    </span>
  );
}
