-- +goose Up
CREATE TABLE tickets (
    id                text COLLATE "C" PRIMARY KEY,
    version           int         NOT NULL CHECK (version > 0),
    title             text COLLATE "und-x-icu" NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    price_minor_units int         NOT NULL CHECK (price_minor_units > 0),
    currency          text COLLATE "C" NOT NULL,
    seller_id         text COLLATE "C" NOT NULL,
    availability      text COLLATE "C" NOT NULL CHECK (availability IN ('available', 'reserved', 'sold', 'withdrawn')),
    order_id          text COLLATE "C",
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    idempotency_key   text COLLATE "C",
    request           text        NOT NULL,
    title_words       tsvector    NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', title)) STORED,
    CHECK ((availability IN ('reserved', 'sold')) = (order_id IS NOT NULL))
);
COMMENT ON COLUMN tickets.title IS 'Sorted alphabetically in any language. After an upgrade of ICU its index must be rebuilt, as for any collation but "C".';
COMMENT ON COLUMN tickets.order_id IS 'The order that holds the ticket.';
COMMENT ON COLUMN tickets.request IS 'The request that created the ticket, to distinguish a repeated request from a reused idempotency key.';

CREATE UNIQUE INDEX tickets_one_per_idempotency_key ON tickets (seller_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Every list reads one range of one of these indexes for each availability.
CREATE INDEX tickets_by_creation ON tickets (availability, created_at, id);
CREATE INDEX tickets_by_price ON tickets (availability, price_minor_units, id);
CREATE INDEX tickets_by_title ON tickets (availability, title, id);
CREATE INDEX tickets_by_seller ON tickets (seller_id, created_at, id);
CREATE INDEX tickets_by_words ON tickets USING gin (title_words);
