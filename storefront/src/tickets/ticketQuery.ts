import { graphql } from '../gql';

export const ticketQuery = graphql(`
  query Ticket($id: ID!) {
    ticket(id: $id) {
      id
      ...TicketCard
      ...TicketDetails
    }
  }
`);
