// The list of tickets and its address: whatever it is narrowed down by stands in the URL, so that it can be
// sent to a friend, and going back works.
import { graphql } from '../gql';
import type { ListTicketsQueryVariables } from '../gql/graphql';
import { parseMoney } from '../ui/format';

export const listQuery = graphql(`
  query ListTickets($filter: TicketFilter, $sort: TicketSort, $first: Int!, $after: String) {
    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {
      totalCount
      edges {
        node {
          id
          ...TicketCard
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const sorts = {
  newest: { label: 'Newest first', sort: { field: 'CREATED_AT', direction: 'DESC' } },
  cheapest: { label: 'Lowest price first', sort: { field: 'PRICE', direction: 'ASC' } },
  dearest: { label: 'Highest price first', sort: { field: 'PRICE', direction: 'DESC' } },
  title: { label: 'By title', sort: { field: 'TITLE', direction: 'ASC' } },
} as const;

export const currencies = ['EUR', 'GBP', 'JPY', 'USD'];

const pageSize = 24;

/** What the address of the list asks for. What makes no sense in it is left out. */
export function listVariables(search: URLSearchParams): ListTicketsQueryVariables {
  const query = search.get('q')?.trim().slice(0, 100);
  const currency = currencies.find((c) => c === search.get('currency'));
  const price = (name: string) => {
    const minorUnits = currency && parseMoney(search.get(name) ?? '', currency);
    return minorUnits && minorUnits <= 99_999_999 ? { currency, minorUnits } : undefined;
  };
  const sort = Object.entries(sorts).find(([name]) => name === search.get('sort'))?.[1] ?? sorts.newest;
  // A currency alone: from its smallest amount on.
  const minPrice = price('min') ?? (currency ? { currency, minorUnits: 1 } : undefined);
  const maxPrice = price('max');
  return {
    first: pageSize,
    sort: sort.sort,
    filter: {
      ...(query && { query }),
      ...(search.has('all') && { availability: ['AVAILABLE', 'RESERVED', 'SOLD'] }),
      ...(minPrice && { minPrice }),
      ...(maxPrice && { maxPrice }),
    },
  };
}
