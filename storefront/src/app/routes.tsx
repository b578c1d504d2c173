// The pages of the shop. A page's code and its queries load at the same time, when the page is opened.
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
  /** Starts a page's query without waiting for it. */
  function preload<D, V extends OperationVariables>(query: TypedDocumentNode<D, V>, variables: NoInfer<V>) {
    // The page's own query joins this one and shows its error.
    client.query({ query: query as DocumentNode, variables, fetchPolicy: navigatedBack() ? 'cache-first' : 'network-only' }).catch(ignore);
  }

  /** For queries about the viewer, when signed in. */
  function withViewer(then: (viewer: NonNullable<ViewerQuery['viewer']>) => void) {
    client.query({ query: viewerQuery }).then(({ data }) => data.viewer && then(data.viewer), ignore);
  }

  interface Options {
    skeleton?: ReactNode;
    preload?: (args: LoaderFunctionArgs) => void;
    /** Redirects to the sign-in page when signed out. */
    signedIn?: boolean;
  }

  function page(path: string, load: () => Promise<{ default: ComponentType }>, options: Options = {}): RouteObject {
    return {
      path,
      hydrateFallbackElement: options.skeleton ?? <LoadingPage />,
      loader: (args) => {
        options.preload?.(args);
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

  client.query({ query: viewerQuery }).catch(ignore); // for the header
  return createBrowserRouter([
    {
      element: <Shell />,
      children: [
        {
          errorElement: <ErrorPage />,
          children: [
            page('/', () => import('../tickets/TicketsPage'), {
              skeleton: <CardsSkeleton />,
              preload: ({ request }) => preload(listQuery, listVariables(new URL(request.url).searchParams)),
            }),
            page('/tickets/:id', () => import('../tickets/TicketPage'), {
              skeleton: <TicketSkeleton />,
              preload: ({ params }) => preload(ticketQuery, { id: params.id! }),
            }),
            page('/tickets/:id/edit', () => import('../selling/EditPage'), {
              skeleton: <FormSkeleton />,
              preload: ({ params }) => preload(editQuery, { id: params.id! }),
              signedIn: true,
            }),
            page('/sell', () => import('../selling/SellPage'), { skeleton: <FormSkeleton />, signedIn: true }),
            page('/listings', () => import('../selling/ListingsPage'), {
              skeleton: <ListingsSkeleton />,
              preload: ({ request }) => {
                const shelf = shelfOf(new URL(request.url).searchParams);
                withViewer(({ user }) => {
                  preload(listingsQuery, listingsVariables(user.id, shelf));
                  preload(countsQuery, countsVariables(user.id));
                });
              },
              signedIn: true,
            }),
            page('/account', () => import('../account/AccountPage'), { preload: () => preload(accountQuery, {}), signedIn: true }),
            page('/orders', () => import('../orders/OrdersPage'), {
              skeleton: <OrdersSkeleton />,
              signedIn: true,
              preload: ({ request }) => preload(ordersQuery, ordersVariables(new URL(request.url).searchParams)),
            }),
            page('/orders/:id', () => import('../orders/OrderPage'), {
              skeleton: <OrderSkeleton />,
              signedIn: true,
              preload: ({ params }) => {
                preload(orderQuery, { id: params.id! });
                preload(processorQuery, {});
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

// Going back shows the page from the cache, with everything that was loaded of its list.
let back = false;
addEventListener('popstate', () => {
  back = true;
  setTimeout(() => (back = false));
});
const navigatedBack = () => back;
