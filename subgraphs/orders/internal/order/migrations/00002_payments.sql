-- +goose Up
CREATE TABLE payments (
    id                 text COLLATE "C" PRIMARY KEY,
    order_id           text COLLATE "C" NOT NULL REFERENCES orders,
    version            int         NOT NULL,
    status             text        NOT NULL,
    amount_minor_units int         NOT NULL,
    currency           text        NOT NULL,
    started_at         timestamptz NOT NULL,
    answer             text CHECK (answer IN ('confirmed', 'refused'))
);
COMMENT ON TABLE payments IS 'Replica of payments, which may lag behind, with the decision of orders about each.';
COMMENT ON COLUMN payments.answer IS 'Whether it may capture the money; null until that is decided.';

CREATE INDEX payments_by_order ON payments (order_id, started_at, id);

ALTER TABLE orders
    ADD COLUMN payment_id text COLLATE "C" REFERENCES payments,
    ADD COLUMN frozen_at  timestamptz,
    ADD CONSTRAINT orders_complete_is_paid CHECK (status <> 'complete' OR payment_id IS NOT NULL),
    ADD CONSTRAINT orders_frozen_for_payment CHECK (frozen_at IS NULL OR (status = 'awaiting_payment' AND payment_id IS NOT NULL));
COMMENT ON COLUMN orders.payment_id IS 'The payment that the order is frozen for, or was paid with.';
COMMENT ON COLUMN orders.frozen_at IS 'When payment_id was confirmed. While it is set, only the end of that payment ends the order.';

-- An order that stays here for minutes waits for a payment with an unknown outcome.
CREATE INDEX orders_by_freeze ON orders (frozen_at, id) WHERE frozen_at IS NOT NULL;
