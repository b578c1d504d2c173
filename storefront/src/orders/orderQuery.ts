// The fields of an order's page. Queries, mutations and live updates select the same ones, so that the cache has them
// after any of these.
import { graphql } from '../gql';

export const paymentState = graphql(`
  fragment PaymentState on Payment {
    id
    version
    status
    createdAt
    updatedAt
    amount {
      decimal
      minorUnits
      currency
    }
    refundedAmount {
      decimal
      minorUnits
      currency
    }
    card {
      brand
      last4
    }
    failure {
      reason
      retryable
    }
    nextAction {
      redirectUrl
      clientSecret
    }
    refunds {
      nodes {
        id
        status
        createdAt
        amount {
          decimal
          minorUnits
          currency
        }
      }
    }
  }
`);

export const orderState = graphql(`
  fragment OrderState on Order {
    id
    version
    status
    title
    price {
      decimal
      minorUnits
      currency
    }
    createdAt
    deadline: secondsUntilExpiry
    expiresAt
    viewerCanCancel
    cancellation {
      reason
      at
    }
    history(first: 50) {
      edges {
        cursor
        node {
          id
          at
          from
          to
          actor
          reason
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    payments {
      nodes {
        id
        ...PaymentState
      }
    }
    ticket {
      id
    }
  }
`);

export const orderQuery = graphql(`
  query Order($id: ID!) {
    order(id: $id) {
      id
      ...OrderState
    }
  }
`);

export const orderUpdated = graphql(`
  subscription OrderUpdated($id: ID!) {
    orderUpdated(orderId: $id) {
      id
      ...OrderState
    }
  }
`);

// Includes the order's payments, because a payment may have been started in another tab.
export const paymentUpdated = graphql(`
  subscription PaymentUpdated($orderId: ID!) {
    paymentUpdated(orderId: $orderId) {
      id
      ...PaymentState
      order {
        id
        viewerCanCancel
        payments {
          nodes {
            id
          }
        }
      }
    }
  }
`);
