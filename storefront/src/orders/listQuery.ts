// The list of orders. Its filter is part of the address.
import { graphql } from '../gql';
import type { ListOrdersQueryVariables } from '../gql/graphql';

export const ordersQuery = graphql(`
  query ListOrders($filter: OrderFilter, $first: Int!, $after: String) {
    orders(filter: $filter, sort: { field: CREATED_AT, direction: DESC }, first: $first, after: $after) {
      totalCount
      edges {
        node {
          id
          ...OrderRow
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const shows = {
  all: { label: 'All', statuses: undefined },
  live: { label: 'To pay', statuses: ['CREATED', 'AWAITING_PAYMENT'] },
  past: { label: 'Past', statuses: ['COMPLETE', 'CANCELLED'] },
} as const;

export type Show = keyof typeof shows;

export function showOf(search: URLSearchParams): Show {
  const show = search.get('show') ?? '';
  return Object.hasOwn(shows, show) ? (show as Show) : 'all';
}

export function ordersVariables(search: URLSearchParams): ListOrdersQueryVariables {
  const { statuses } = shows[showOf(search)];
  return { first: 20, ...(statuses && { filter: { statuses: [...statuses] } }) };
}
