// What the page of a ticket's seller shows of it, and keeps up to date.
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
    ticketUpdated(id: $id) {
      id
      ...OwnTicket
    }
  }
`);
