/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n": typeof types.SignInDocument,
    "\n  mutation SignUp($input: SignUpInput!) {\n    signUp(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n": typeof types.SignUpDocument,
    "\n  query Account {\n    viewer {\n      email\n      session {\n        id\n        createdAt\n        expiresAt\n      }\n      user {\n        id\n        displayName\n        memberSince\n      }\n    }\n  }\n": typeof types.AccountDocument,
    "\n  query Viewer {\n    viewer {\n      email\n      user {\n        id\n        displayName\n      }\n    }\n  }\n": typeof types.ViewerDocument,
    "\n  mutation SignOut {\n    signOut {\n      signedOut\n    }\n  }\n": typeof types.SignOutDocument,
    "\n  mutation SignOutEverywhere {\n    signOutEverywhere {\n      signedOut\n    }\n  }\n": typeof types.SignOutEverywhereDocument,
    "\n  mutation UpdateTicket($input: UpdateTicketInput!) {\n    updateTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on StaleVersionError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketWithdrawnError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n": typeof types.UpdateTicketDocument,
    "\n  mutation CreateTicket($input: CreateTicketInput!) {\n    createTicket(input: $input) {\n      ticket {\n        id\n        ...TicketCard\n        ...TicketDetails\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n      }\n    }\n  }\n": typeof types.CreateTicketDocument,
    "\n  mutation WithdrawTicket($input: WithdrawTicketInput!) {\n    withdrawTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n": typeof types.WithdrawTicketDocument,
    "\n  fragment OwnTicket on Ticket {\n    id\n    title\n    availability\n    version\n    updatedAt\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n": typeof types.OwnTicketFragmentDoc,
    "\n  query EditTicket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n": typeof types.EditTicketDocument,
    "\n  subscription OwnTicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n": typeof types.OwnTicketUpdatedDocument,
    "\n  query Listings($filter: TicketFilter!, $sort: TicketSort!, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...OwnTicket\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.ListingsDocument,
    "\n  query ListingCounts(\n    $all: TicketFilter!\n    $available: TicketFilter!\n    $reserved: TicketFilter!\n    $sold: TicketFilter!\n    $withdrawn: TicketFilter!\n  ) {\n    all: tickets(filter: $all, first: 0) {\n      totalCount\n    }\n    available: tickets(filter: $available, first: 0) {\n      totalCount\n    }\n    reserved: tickets(filter: $reserved, first: 0) {\n      totalCount\n    }\n    sold: tickets(filter: $sold, first: 0) {\n      totalCount\n    }\n    withdrawn: tickets(filter: $withdrawn, first: 0) {\n      totalCount\n    }\n  }\n": typeof types.ListingCountsDocument,
    "\n  fragment TicketCard on Ticket {\n    id\n    title\n    availability\n    version\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    seller {\n      id\n      displayName\n    }\n  }\n": typeof types.TicketCardFragmentDoc,
    "\n  fragment TicketDetails on Ticket {\n    createdAt\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n": typeof types.TicketDetailsFragmentDoc,
    "\n  subscription TicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      title\n      availability\n      version\n      price {\n        decimal\n        minorUnits\n        currency\n      }\n      viewerCanUpdate\n      viewerCannotUpdateReasons\n    }\n  }\n": typeof types.TicketUpdatedDocument,
    "\n  query ListTickets($filter: TicketFilter, $sort: TicketSort, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      totalCount\n      edges {\n        node {\n          id\n          ...TicketCard\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.ListTicketsDocument,
    "\n  query Ticket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...TicketCard\n      ...TicketDetails\n    }\n  }\n": typeof types.TicketDocument,
};
const documents: Documents = {
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n": types.SignInDocument,
    "\n  mutation SignUp($input: SignUpInput!) {\n    signUp(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n": types.SignUpDocument,
    "\n  query Account {\n    viewer {\n      email\n      session {\n        id\n        createdAt\n        expiresAt\n      }\n      user {\n        id\n        displayName\n        memberSince\n      }\n    }\n  }\n": types.AccountDocument,
    "\n  query Viewer {\n    viewer {\n      email\n      user {\n        id\n        displayName\n      }\n    }\n  }\n": types.ViewerDocument,
    "\n  mutation SignOut {\n    signOut {\n      signedOut\n    }\n  }\n": types.SignOutDocument,
    "\n  mutation SignOutEverywhere {\n    signOutEverywhere {\n      signedOut\n    }\n  }\n": types.SignOutEverywhereDocument,
    "\n  mutation UpdateTicket($input: UpdateTicketInput!) {\n    updateTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on StaleVersionError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketWithdrawnError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n": types.UpdateTicketDocument,
    "\n  mutation CreateTicket($input: CreateTicketInput!) {\n    createTicket(input: $input) {\n      ticket {\n        id\n        ...TicketCard\n        ...TicketDetails\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n      }\n    }\n  }\n": types.CreateTicketDocument,
    "\n  mutation WithdrawTicket($input: WithdrawTicketInput!) {\n    withdrawTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n": types.WithdrawTicketDocument,
    "\n  fragment OwnTicket on Ticket {\n    id\n    title\n    availability\n    version\n    updatedAt\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n": types.OwnTicketFragmentDoc,
    "\n  query EditTicket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n": types.EditTicketDocument,
    "\n  subscription OwnTicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n": types.OwnTicketUpdatedDocument,
    "\n  query Listings($filter: TicketFilter!, $sort: TicketSort!, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...OwnTicket\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.ListingsDocument,
    "\n  query ListingCounts(\n    $all: TicketFilter!\n    $available: TicketFilter!\n    $reserved: TicketFilter!\n    $sold: TicketFilter!\n    $withdrawn: TicketFilter!\n  ) {\n    all: tickets(filter: $all, first: 0) {\n      totalCount\n    }\n    available: tickets(filter: $available, first: 0) {\n      totalCount\n    }\n    reserved: tickets(filter: $reserved, first: 0) {\n      totalCount\n    }\n    sold: tickets(filter: $sold, first: 0) {\n      totalCount\n    }\n    withdrawn: tickets(filter: $withdrawn, first: 0) {\n      totalCount\n    }\n  }\n": types.ListingCountsDocument,
    "\n  fragment TicketCard on Ticket {\n    id\n    title\n    availability\n    version\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    seller {\n      id\n      displayName\n    }\n  }\n": types.TicketCardFragmentDoc,
    "\n  fragment TicketDetails on Ticket {\n    createdAt\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n": types.TicketDetailsFragmentDoc,
    "\n  subscription TicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      title\n      availability\n      version\n      price {\n        decimal\n        minorUnits\n        currency\n      }\n      viewerCanUpdate\n      viewerCannotUpdateReasons\n    }\n  }\n": types.TicketUpdatedDocument,
    "\n  query ListTickets($filter: TicketFilter, $sort: TicketSort, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      totalCount\n      edges {\n        node {\n          id\n          ...TicketCard\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.ListTicketsDocument,
    "\n  query Ticket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...TicketCard\n      ...TicketDetails\n    }\n  }\n": types.TicketDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignUp($input: SignUpInput!) {\n    signUp(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation SignUp($input: SignUpInput!) {\n    signUp(input: $input) {\n      viewer {\n        email\n        user {\n          id\n          displayName\n        }\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on RateLimitedError {\n          retryAfterSeconds\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Account {\n    viewer {\n      email\n      session {\n        id\n        createdAt\n        expiresAt\n      }\n      user {\n        id\n        displayName\n        memberSince\n      }\n    }\n  }\n"): (typeof documents)["\n  query Account {\n    viewer {\n      email\n      session {\n        id\n        createdAt\n        expiresAt\n      }\n      user {\n        id\n        displayName\n        memberSince\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Viewer {\n    viewer {\n      email\n      user {\n        id\n        displayName\n      }\n    }\n  }\n"): (typeof documents)["\n  query Viewer {\n    viewer {\n      email\n      user {\n        id\n        displayName\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignOut {\n    signOut {\n      signedOut\n    }\n  }\n"): (typeof documents)["\n  mutation SignOut {\n    signOut {\n      signedOut\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignOutEverywhere {\n    signOutEverywhere {\n      signedOut\n    }\n  }\n"): (typeof documents)["\n  mutation SignOutEverywhere {\n    signOutEverywhere {\n      signedOut\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateTicket($input: UpdateTicketInput!) {\n    updateTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on StaleVersionError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketWithdrawnError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateTicket($input: UpdateTicketInput!) {\n    updateTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on StaleVersionError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n        ... on TicketWithdrawnError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateTicket($input: CreateTicketInput!) {\n    createTicket(input: $input) {\n      ticket {\n        id\n        ...TicketCard\n        ...TicketDetails\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation CreateTicket($input: CreateTicketInput!) {\n    createTicket(input: $input) {\n      ticket {\n        id\n        ...TicketCard\n        ...TicketDetails\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation WithdrawTicket($input: WithdrawTicketInput!) {\n    withdrawTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  mutation WithdrawTicket($input: WithdrawTicketInput!) {\n    withdrawTicket(input: $input) {\n      ticket {\n        id\n        ...OwnTicket\n      }\n      errors {\n        __typename\n        ... on UserError {\n          code\n          message\n          path\n        }\n        ... on TicketReservedError {\n          ticket {\n            id\n            ...OwnTicket\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment OwnTicket on Ticket {\n    id\n    title\n    availability\n    version\n    updatedAt\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n"): (typeof documents)["\n  fragment OwnTicket on Ticket {\n    id\n    title\n    availability\n    version\n    updatedAt\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query EditTicket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n"): (typeof documents)["\n  query EditTicket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription OwnTicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n"): (typeof documents)["\n  subscription OwnTicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      ...OwnTicket\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Listings($filter: TicketFilter!, $sort: TicketSort!, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...OwnTicket\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query Listings($filter: TicketFilter!, $sort: TicketSort!, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...OwnTicket\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ListingCounts(\n    $all: TicketFilter!\n    $available: TicketFilter!\n    $reserved: TicketFilter!\n    $sold: TicketFilter!\n    $withdrawn: TicketFilter!\n  ) {\n    all: tickets(filter: $all, first: 0) {\n      totalCount\n    }\n    available: tickets(filter: $available, first: 0) {\n      totalCount\n    }\n    reserved: tickets(filter: $reserved, first: 0) {\n      totalCount\n    }\n    sold: tickets(filter: $sold, first: 0) {\n      totalCount\n    }\n    withdrawn: tickets(filter: $withdrawn, first: 0) {\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query ListingCounts(\n    $all: TicketFilter!\n    $available: TicketFilter!\n    $reserved: TicketFilter!\n    $sold: TicketFilter!\n    $withdrawn: TicketFilter!\n  ) {\n    all: tickets(filter: $all, first: 0) {\n      totalCount\n    }\n    available: tickets(filter: $available, first: 0) {\n      totalCount\n    }\n    reserved: tickets(filter: $reserved, first: 0) {\n      totalCount\n    }\n    sold: tickets(filter: $sold, first: 0) {\n      totalCount\n    }\n    withdrawn: tickets(filter: $withdrawn, first: 0) {\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment TicketCard on Ticket {\n    id\n    title\n    availability\n    version\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    seller {\n      id\n      displayName\n    }\n  }\n"): (typeof documents)["\n  fragment TicketCard on Ticket {\n    id\n    title\n    availability\n    version\n    price {\n      decimal\n      minorUnits\n      currency\n    }\n    seller {\n      id\n      displayName\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment TicketDetails on Ticket {\n    createdAt\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n"): (typeof documents)["\n  fragment TicketDetails on Ticket {\n    createdAt\n    viewerCanUpdate\n    viewerCannotUpdateReasons\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription TicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      title\n      availability\n      version\n      price {\n        decimal\n        minorUnits\n        currency\n      }\n      viewerCanUpdate\n      viewerCannotUpdateReasons\n    }\n  }\n"): (typeof documents)["\n  subscription TicketUpdated($id: ID!) {\n    ticketUpdated(id: $id) {\n      id\n      title\n      availability\n      version\n      price {\n        decimal\n        minorUnits\n        currency\n      }\n      viewerCanUpdate\n      viewerCannotUpdateReasons\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ListTickets($filter: TicketFilter, $sort: TicketSort, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      totalCount\n      edges {\n        node {\n          id\n          ...TicketCard\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query ListTickets($filter: TicketFilter, $sort: TicketSort, $first: Int!, $after: String) {\n    tickets(filter: $filter, sort: $sort, first: $first, after: $after) {\n      totalCount\n      edges {\n        node {\n          id\n          ...TicketCard\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Ticket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...TicketCard\n      ...TicketDetails\n    }\n  }\n"): (typeof documents)["\n  query Ticket($id: ID!) {\n    ticket(id: $id) {\n      id\n      ...TicketCard\n      ...TicketDetails\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;