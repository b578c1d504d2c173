-- +goose Up
CREATE TABLE orders (
    id                text COLLATE "C" PRIMARY KEY,
    version           int         NOT NULL,
    status            text        NOT NULL,
    buyer_id          text COLLATE "C" NOT NULL,
    seller_id         text COLLATE "C" NOT NULL,
    title             text        NOT NULL,
    price_minor_units int         NOT NULL,
    currency          text        NOT NULL,
    expires_at        timestamptz NOT NULL
);
COMMENT ON TABLE orders IS 'Replica of the orders service; it lags by some milliseconds.';

CREATE TABLE payments (
    id                   text COLLATE "C" PRIMARY KEY,
    version              int         NOT NULL,
    order_id             text COLLATE "C" NOT NULL REFERENCES orders,
    buyer_id             text COLLATE "C" NOT NULL,
    seller_id            text COLLATE "C" NOT NULL,
    status               text        NOT NULL CHECK (status IN ('processing', 'requires_action', 'authorized', 'succeeded',
                                                                'failed', 'voided', 'partially_refunded', 'refunded')),
    step                 text        NOT NULL CHECK (step IN ('authorize', 'look', 'await_order', 'capture', 'void', 'none')),
    amount_minor_units   int         NOT NULL CHECK (amount_minor_units > 0),
    currency             text        NOT NULL,
    refunded_minor_units int         NOT NULL DEFAULT 0 CHECK (refunded_minor_units BETWEEN 0 AND amount_minor_units),
    description          text        NOT NULL,
    reference            text        NOT NULL DEFAULT '',
    token                text        NOT NULL,
    card                 jsonb,
    action               jsonb,
    decline              jsonb,
    idempotency_key      text        NOT NULL,
    request              text        NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    due_at               timestamptz,
    tries                int         NOT NULL DEFAULT 0,
    CHECK ((status = 'failed') = (decline IS NOT NULL))
);
COMMENT ON COLUMN payments.step IS 'The next step.';
COMMENT ON COLUMN payments.due_at IS 'When a worker takes the next step; null if there is none. A worker that takes a step sets it to the end of its lease.';
COMMENT ON COLUMN payments.token IS 'Token of the card, empty once used.';
COMMENT ON COLUMN payments.request IS 'Hash of the request, to distinguish a repeated idempotency key from a reused one.';

-- These decide between concurrent attempts.
CREATE UNIQUE INDEX payments_one_live_per_order ON payments (order_id)
    WHERE status IN ('processing', 'requires_action', 'authorized', 'succeeded', 'partially_refunded');
CREATE UNIQUE INDEX payments_one_per_idempotency_key ON payments (buyer_id, idempotency_key);

CREATE INDEX payments_by_order ON payments (order_id, id);
CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_failed ON payments (buyer_id, updated_at) WHERE status = 'failed';

CREATE TABLE refunds (
    id                 text COLLATE "C" PRIMARY KEY,
    payment_id         text COLLATE "C" NOT NULL REFERENCES payments,
    status             text        NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    amount_minor_units int         NOT NULL CHECK (amount_minor_units > 0),
    release_ticket     bool        NOT NULL,
    actor              text        NOT NULL CHECK (actor IN ('seller', 'operator', 'system')),
    actor_id           text COLLATE "C" NOT NULL,
    reference          text        NOT NULL DEFAULT '',
    idempotency_key    text        NOT NULL,
    request            text        NOT NULL,
    created_at         timestamptz NOT NULL,
    due_at             timestamptz,
    tries              int         NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX refunds_one_per_idempotency_key ON refunds (actor_id, idempotency_key);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
