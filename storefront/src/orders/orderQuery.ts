// All that the page of an order shows. The same fields come with every mutation and live update, so the cache has
// them whatever comes first.
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
      id
      ...PaymentState
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
    orderUpdated(id: $id) {
      id
      ...OrderState
    }
  }
`);

// A payment that began in another tab belongs to the order's list, too.
export const paymentUpdated = graphql(`
  subscription PaymentUpdated($orderId: ID!) {
    paymentUpdated(orderId: $orderId) {
      id
      ...PaymentState
      order {
        id
        viewerCanCancel
        payments {
          id
        }
      }
    }
  }
`);
