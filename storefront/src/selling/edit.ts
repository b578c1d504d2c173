// The fields of a ticket that its seller's pages show and keep up to date.
import { graphql } from '../gql';

export const ownTicket = graphql(`
  fragment OwnTicket on Ticket {
    id
    title
    availability
    version
    updatedAt
    price {
      decimal
      minorUnits
      currency
    }
    viewerCanUpdate
    viewerCannotUpdateReasons
  }
`);

export const editQuery = graphql(`
  query EditTicket($id: ID!) {
    ticket(id: $id) {
      id
      ...OwnTicket
    }
  }
`);

export const ownTicketUpdated = graphql(`
  subscription OwnTicketUpdated($id: ID!) {
    ticketUpdated(ticketId: $id) {
      id
      ...OwnTicket
    }
  }
`);
