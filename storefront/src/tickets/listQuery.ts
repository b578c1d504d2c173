// The list of tickets. Its filters are part of the address, so that it can be shared and going back works.
import { graphql } from '../gql';
import type { ListTicketsQueryVariables } from '../gql/graphql';
import { readPrice } from '../ui/format';

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
  title: { label: 'Title A to Z', sort: { field: 'TITLE', direction: 'ASC' } },
} as const;

export const currencies = ['EUR', 'GBP', 'JPY', 'USD'];

const pageSize = 24;

/** The price filter, and messages for invalid prices. */
export function priceRange(search: URLSearchParams) {
  const currency = currencies.find((c) => c === search.get('currency'));
  const read = (name: string) => {
    const text = search.get(name)?.trim();
    return currency && text ? readPrice(text, currency) : {};
  };
  const min = read('min');
  const max = read('max');
  const reversed = min.minorUnits && max.minorUnits && max.minorUnits < min.minorUnits;
  return { currency, min, max: reversed ? { fault: '“Up to” must not be less than “From”.' } : max };
}

/** The filters in the address of the list. Invalid ones are left out. */
export function listVariables(search: URLSearchParams): ListTicketsQueryVariables {
  const query = search.get('q')?.trim().slice(0, 100);
  const { currency, min, max } = priceRange(search);
  const sort = Object.entries(sorts).find(([name]) => name === search.get('sort'))?.[1] ?? sorts.newest;
  // A currency without prices: from its smallest amount.
  const minPrice = currency && { currency, minorUnits: min.minorUnits ?? 1 };
  const maxPrice = currency && max.minorUnits && { currency, minorUnits: max.minorUnits };
  return {
    first: pageSize,
    sort: sort.sort,
    filter: {
      ...(query && { query }),
      ...(search.has('all') && { availabilities: ['AVAILABLE', 'RESERVED', 'SOLD'] }),
      ...(minPrice && { minPrice }),
      ...(maxPrice && { maxPrice }),
    },
  };
}
