
      export interface PossibleTypesResultData {
        possibleTypes: {
          [key: string]: string[]
        }
      }
      const result: PossibleTypesResultData = {
  "possibleTypes": {
    "CancelOrderError": [
      "NotAuthorizedError",
      "OrderNotCancellableError",
      "OrderNotFoundError"
    ],
    "CreateOrderError": [
      "IdempotencyKeyReusedError",
      "OwnTicketError",
      "PriceChangedError",
      "TicketNotForSaleError",
      "TicketNotFoundError",
      "TicketReservedError",
      "TicketSoldError",
      "TooManyActiveOrdersError",
      "ValidationError"
    ],
    "CreateTicketError": [
      "IdempotencyKeyReusedError",
      "ValidationError"
    ],
    "Node": [
      "Order",
      "Payment",
      "Refund",
      "Ticket",
      "User"
    ],
    "PayOrderError": [
      "IdempotencyKeyReusedError",
      "NotAuthorizedError",
      "OrderAlreadyPaidError",
      "OrderNotFoundError",
      "OrderNotPayableError",
      "PaymentDeclinedError",
      "PaymentInProgressError",
      "RateLimitedError",
      "ValidationError"
    ],
    "RefreshSessionError": [
      "SessionExpiredError"
    ],
    "RefundPaymentError": [
      "IdempotencyKeyReusedError",
      "NotAuthorizedError",
      "PaymentNotFoundError",
      "PaymentNotRefundableError",
      "ValidationError"
    ],
    "SignInError": [
      "InvalidCredentialsError",
      "RateLimitedError",
      "ValidationError"
    ],
    "SignUpError": [
      "EmailInUseError",
      "RateLimitedError",
      "ValidationError"
    ],
    "UpdateTicketError": [
      "NotAuthorizedError",
      "StaleVersionError",
      "TicketNotFoundError",
      "TicketReservedError",
      "TicketSoldError",
      "TicketWithdrawnError",
      "ValidationError"
    ],
    "UserError": [
      "EmailInUseError",
      "IdempotencyKeyReusedError",
      "InvalidCredentialsError",
      "NotAuthorizedError",
      "OrderAlreadyPaidError",
      "OrderNotCancellableError",
      "OrderNotFoundError",
      "OrderNotPayableError",
      "OwnTicketError",
      "PaymentDeclinedError",
      "PaymentInProgressError",
      "PaymentNotFoundError",
      "PaymentNotRefundableError",
      "PriceChangedError",
      "RateLimitedError",
      "SessionExpiredError",
      "StaleVersionError",
      "TicketNotForSaleError",
      "TicketNotFoundError",
      "TicketReservedError",
      "TicketSoldError",
      "TicketWithdrawnError",
      "TooManyActiveOrdersError",
      "ValidationError"
    ],
    "WithdrawTicketError": [
      "NotAuthorizedError",
      "StaleVersionError",
      "TicketNotFoundError",
      "TicketReservedError",
      "TicketSoldError"
    ]
  }
};
      export default result;
    