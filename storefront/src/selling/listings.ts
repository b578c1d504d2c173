// The viewer's own tickets, found by the seller's id, so that the list needs no other subgraph than tickets.
import { graphql } from '../gql';
import type { ListingCountsQueryVariables, ListingsQueryVariables, TicketAvailability } from '../gql/graphql';

export const listingsQuery = graphql(`
  query Listings($filter: TicketFilter!, $sort: TicketSort!, $first: Int!, $after: String) {
    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {
      edges {
        node {
          id
          ...OwnTicket
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The number of tickets on each shelf. Without `sort`, so that the cache keeps them apart from the lists. */
export const countsQuery = graphql(`
  query ListingCounts(
    $all: TicketFilter!
    $available: TicketFilter!
    $reserved: TicketFilter!
    $sold: TicketFilter!
    $withdrawn: TicketFilter!
  ) {
    all: tickets(filter: $all, first: 0) {
      totalCount
    }
    available: tickets(filter: $available, first: 0) {
      totalCount
    }
    reserved: tickets(filter: $reserved, first: 0) {
      totalCount
    }
    sold: tickets(filter: $sold, first: 0) {
      totalCount
    }
    withdrawn: tickets(filter: $withdrawn, first: 0) {
      totalCount
    }
  }
`);

export const shelves = {
  all: { label: 'All', availabilities: ['AVAILABLE', 'RESERVED', 'SOLD', 'WITHDRAWN'] },
  available: { label: 'Available', availabilities: ['AVAILABLE'] },
  reserved: { label: 'Reserved', availabilities: ['RESERVED'] },
  sold: { label: 'Sold', availabilities: ['SOLD'] },
  withdrawn: { label: 'Off sale', availabilities: ['WITHDRAWN'] },
} satisfies Record<string, { label: string; availabilities: TicketAvailability[] }>;

export type Shelf = keyof typeof shelves;

const pageSize = 20;

/** The shelf in the address. */
export function shelfOf(search: URLSearchParams): Shelf {
  const shelf = search.get('show') ?? 'all';
  return Object.hasOwn(shelves, shelf) ? (shelf as Shelf) : 'all';
}

const filterOf = (sellerId: string, shelf: Shelf) => ({ sellerId, availabilities: shelves[shelf].availabilities });

export const listingsVariables = (sellerId: string, shelf: Shelf): ListingsQueryVariables => ({
  filter: filterOf(sellerId, shelf),
  sort: { field: 'CREATED_AT', direction: 'DESC' },
  first: pageSize,
});

export const countsVariables = (sellerId: string): ListingCountsQueryVariables => ({
  all: filterOf(sellerId, 'all'),
  available: filterOf(sellerId, 'available'),
  reserved: filterOf(sellerId, 'reserved'),
  sold: filterOf(sellerId, 'sold'),
  withdrawn: filterOf(sellerId, 'withdrawn'),
});
