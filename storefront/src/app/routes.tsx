// Every page of the shop. A page's code loads when it is opened; what it asks the API starts loading at the
// same time, so nothing is two steps away.
import type { ApolloClient, OperationVariables, TypedDocumentNode } from '@apollo/client';
import type { DocumentNode } from 'graphql';
import type { ComponentType, ReactNode } from 'react';
import { createBrowserRouter, type LoaderFunctionArgs, type RouteObject } from 'react-router';
import { accountQuery } from '../account/accountQuery';
import { viewerQuery } from '../account/session';
import { SignedIn } from '../account/SignedIn';
import type { ViewerQuery } from '../gql/graphql';
import { editQuery } from '../selling/edit';
import { countsQuery, countsVariables, listingsQuery, listingsVariables, shelfOf } from '../selling/listings';
import { FormSkeleton, ListingsSkeleton } from '../selling/skeletons';
import { ordersQuery, ordersVariables } from '../orders/listQuery';
import { orderQuery } from '../orders/orderQuery';
import { OrderSkeleton, OrdersSkeleton } from '../orders/skeletons';
import { processorQuery } from '../payments/processorQuery';
import { ticketQuery } from '../tickets/ticketQuery';
import { listQuery, listVariables } from '../tickets/listQuery';
import { CardsSkeleton, TicketSkeleton } from '../tickets/skeletons';
import { ignore } from './failure';
import { ErrorPage } from './ErrorPage';
import { LoadingPage } from './LoadingPage';
import { NotFound } from './NotFound';
import { Shell } from './Shell';

export function createRouter(client: ApolloClient) {
  /** Asks for what a page will show. It never waits: the page shows what there is, then the answer. */
  function ask<D, V extends OperationVariables>(query: TypedDocumentNode<D, V>, variables: NoInfer<V>) {
    // The page's own query joins this one, and shows its error.
    client.query({ query: query as DocumentNode, variables, fetchPolicy: cameBack() ? 'cache-first' : 'network-only' }).catch(ignore);
  }

  /** For what is asked about the person who is signed in, if anybody is. */
  function whoever(then: (viewer: NonNullable<ViewerQuery['viewer']>) => void) {
    client.query({ query: viewerQuery }).then(({ data }) => data.viewer && then(data.viewer), ignore);
  }

  interface Options {
    skeleton?: ReactNode;
    ask?: (args: LoaderFunctionArgs) => void;
    /** Others than people who are signed in are sent to sign in first. */
    signedIn?: boolean;
  }

  function page(path: string, load: () => Promise<{ default: ComponentType }>, options: Options = {}): RouteObject {
    return {
      path,
      hydrateFallbackElement: options.skeleton ?? <LoadingPage />,
      loader: (args) => {
        options.ask?.(args);
        return null;
      },
      lazy: {
        Component: async () => {
          const { default: Content } = await load();
          return options.signedIn
            ? () => (
                <SignedIn skeleton={options.skeleton ?? <LoadingPage />}>
                  <Content />
                </SignedIn>
              )
            : Content;
        },
      },
    };
  }

  client.query({ query: viewerQuery }).catch(ignore); // the header's, beside the page's own
  return createBrowserRouter([
    {
      element: <Shell />,
      children: [
        {
          errorElement: <ErrorPage />,
          children: [
            page('/', () => import('../tickets/TicketsPage'), {
              skeleton: <CardsSkeleton />,
              ask: ({ request }) => ask(listQuery, listVariables(new URL(request.url).searchParams)),
            }),
            page('/tickets/:id', () => import('../tickets/TicketPage'), {
              skeleton: <TicketSkeleton />,
              ask: ({ params }) => ask(ticketQuery, { id: params.id! }),
            }),
            page('/tickets/:id/edit', () => import('../selling/EditPage'), {
              skeleton: <FormSkeleton />,
              ask: ({ params }) => ask(editQuery, { id: params.id! }),
              signedIn: true,
            }),
            page('/sell', () => import('../selling/SellPage'), { skeleton: <FormSkeleton />, signedIn: true }),
            page('/listings', () => import('../selling/ListingsPage'), {
              skeleton: <ListingsSkeleton />,
              ask: ({ request }) => {
                const shelf = shelfOf(new URL(request.url).searchParams);
                whoever(({ user }) => {
                  ask(listingsQuery, listingsVariables(user.id, shelf));
                  ask(countsQuery, countsVariables(user.id));
                });
              },
              signedIn: true,
            }),
            page('/account', () => import('../account/AccountPage'), { ask: () => ask(accountQuery, {}), signedIn: true }),
            page('/orders', () => import('../orders/OrdersPage'), {
              skeleton: <OrdersSkeleton />,
              signedIn: true,
              ask: ({ request }) => ask(ordersQuery, ordersVariables(new URL(request.url).searchParams)),
            }),
            page('/orders/:id', () => import('../orders/OrderPage'), {
              skeleton: <OrderSkeleton />,
              signedIn: true,
              ask: ({ params }) => {
                ask(orderQuery, { id: params.id! });
                ask(processorQuery, {});
              },
            }),
            page('/sign-in', () => import('../account/SignInPage')),
            page('/sign-up', () => import('../account/SignUpPage')),
            { path: '*', element: <NotFound /> },
          ],
        },
      ],
    },
  ]);
}

// Whoever goes back wants the page as it was, with all that was loaded of its list.
let back = false;
addEventListener('popstate', () => {
  back = true;
  setTimeout(() => (back = false));
});
const cameBack = () => back;
