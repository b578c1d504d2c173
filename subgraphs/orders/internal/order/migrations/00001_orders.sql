-- +goose Up
CREATE TABLE tickets (
    id                text COLLATE "C" PRIMARY KEY,
    version           int  NOT NULL,
    title             text NOT NULL,
    price_minor_units int  NOT NULL,
    currency          text NOT NULL,
    seller_id         text COLLATE "C" NOT NULL,
    availability      text NOT NULL
);
COMMENT ON TABLE tickets IS 'Replica of tickets, which may lag behind.';

CREATE TABLE orders (
    id                text COLLATE "C" PRIMARY KEY,
    version           int         NOT NULL,
    status            text        NOT NULL CHECK (status IN ('created', 'awaiting_payment', 'complete', 'cancelled')),
    buyer_id          text COLLATE "C" NOT NULL,
    seller_id         text COLLATE "C" NOT NULL,
    ticket_id         text COLLATE "C" NOT NULL,
    ticket_version    int         NOT NULL,
    title             text        NOT NULL,
    price_minor_units int         NOT NULL CHECK (price_minor_units > 0),
    currency          text        NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    cancel_reason     text,
    slot              int         NOT NULL,
    idempotency_key   text,
    request           text        NOT NULL,
    CHECK ((status = 'cancelled') = (cancel_reason IS NOT NULL))
);
COMMENT ON COLUMN orders.slot IS 'Which of the buyer''s slots for unpaid orders it takes, from 1.';
COMMENT ON COLUMN orders.request IS 'The request, to distinguish a repeated idempotency key from a reused one.';

-- These three decide every race.
CREATE UNIQUE INDEX orders_one_live_per_ticket ON orders (ticket_id) WHERE status IN ('created', 'awaiting_payment', 'complete');
CREATE UNIQUE INDEX orders_one_per_slot ON orders (buyer_id, slot) WHERE status IN ('created', 'awaiting_payment');
CREATE UNIQUE INDEX orders_one_per_idempotency_key ON orders (buyer_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX orders_by_creation ON orders (buyer_id, created_at, id);
CREATE INDEX orders_by_expiry ON orders (buyer_id, expires_at, id);

CREATE TABLE order_events (
    id          text COLLATE "C" PRIMARY KEY,
    order_id    text COLLATE "C" NOT NULL REFERENCES orders,
    version     int         NOT NULL,
    at          timestamptz NOT NULL,
    actor       text        NOT NULL,
    from_status text,
    to_status   text        NOT NULL,
    reason      text,
    request_id  text        NOT NULL,
    UNIQUE (order_id, version)
);
COMMENT ON TABLE order_events IS 'The history of each order: one row per version.';
