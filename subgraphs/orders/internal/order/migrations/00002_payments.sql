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
COMMENT ON TABLE payments IS 'Replica of the payments service, a few milliseconds behind, and how orders answered.';
COMMENT ON COLUMN payments.answer IS 'Whether it may take the money; null as long as that is not decided.';

CREATE INDEX payments_by_order ON payments (order_id, started_at, id);

ALTER TABLE orders
    ADD COLUMN payment_id text COLLATE "C" REFERENCES payments,
    ADD COLUMN frozen_at  timestamptz,
    ADD CONSTRAINT orders_complete_is_paid CHECK (status <> 'complete' OR payment_id IS NOT NULL),
    ADD CONSTRAINT orders_frozen_for_payment CHECK (frozen_at IS NULL OR (status = 'awaiting_payment' AND payment_id IS NOT NULL));
COMMENT ON COLUMN orders.payment_id IS 'The payment that the order is frozen for, or was paid with.';
COMMENT ON COLUMN orders.frozen_at IS 'Since when payment_id may take the money. As long as it is set, only the end of that payment ends the order.';

-- Whatever stays here for minutes waits for a payment whose outcome is unknown.
CREATE INDEX orders_by_freeze ON orders (frozen_at, id) WHERE frozen_at IS NOT NULL;
