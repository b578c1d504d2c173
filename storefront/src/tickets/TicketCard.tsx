import { Link } from 'react-router';
import { graphql, read, type FragmentType } from '../gql';
import { Poster } from '../ui/Poster';
import { Price } from '../ui/Price';
import { Availability } from './Availability';
import { titleParts } from './title';
import css from './TicketCard.module.css';

export const ticketCard = graphql(`
  fragment TicketCard on Ticket {
    id
    title
    availability
    version
    price {
      decimal
      minorUnits
      currency
    }
    seller {
      id
      displayName
    }
  }
`);

/** The history state of a ticket's page that was opened from a list. */
export const fromList = { fromList: true };

/** A ticket in a list, drawn as a stub. */
export function TicketCard({ ticket }: { ticket: FragmentType<typeof ticketCard> }) {
  const { id, title, availability, price, seller } = read(ticketCard, ticket);
  const { what, where } = titleParts(title);
  return (
    <article className={css.card} data-gone={availability === 'AVAILABLE' ? undefined : true}>
      <Poster seed={id} className={css.poster} />
      <div className={css.body}>
        <h2 className={css.what}>
          <Link to={`/tickets/${id}`} state={fromList}>
            {what}
          </Link>
        </h2>
        {where.length > 0 && <p className={css.where}>{where.join(' · ')}</p>}
      </div>
      <div className={css.stub}>
        <span className={css.price}>
          <Price of={price} />
        </span>
        {availability === 'AVAILABLE' ? (
          <span className={css.seller}>{seller && `from ${seller.displayName}`}</span>
        ) : (
          <Availability of={availability} />
        )}
      </div>
    </article>
  );
}
