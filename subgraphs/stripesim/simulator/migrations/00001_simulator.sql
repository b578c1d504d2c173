-- +goose Up
CREATE TABLE intents (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              text COLLATE "C" NOT NULL UNIQUE,
    created_at      timestamptz NOT NULL,
    amount          bigint      NOT NULL CHECK (amount > 0),
    currency        text        NOT NULL,
    description     text        NOT NULL,
    metadata        jsonb       NOT NULL,
    return_url      text        NOT NULL,
    token           text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('requires_payment_method', 'requires_action', 'requires_capture', 'canceled', 'succeeded')),
    error_code      text        NOT NULL,
    decline_code    text        NOT NULL,
    amount_received bigint      NOT NULL CHECK (amount_received IN (0, amount)),
    charged         boolean     NOT NULL,
    canceled_at     timestamptz,
    client_secret   text        NOT NULL,
    page_secret     text        NOT NULL UNIQUE
);
COMMENT ON COLUMN intents.charged IS 'Whether the bank was requested to authorize, so that there is a charge.';
COMMENT ON COLUMN intents.page_secret IS 'In the URL of the bank''s page.';
CREATE INDEX ON intents (created_at);

CREATE TABLE refunds (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL UNIQUE,
    intent_id  text COLLATE "C" NOT NULL REFERENCES intents (id),
    created_at timestamptz NOT NULL,
    amount     bigint      NOT NULL CHECK (amount > 0),
    metadata   jsonb       NOT NULL,
    status     text        NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    settles_at timestamptz,
    CHECK ((status = 'pending') = (settles_at IS NOT NULL))
);
CREATE INDEX ON refunds (intent_id);
CREATE INDEX ON refunds (settles_at) WHERE settles_at IS NOT NULL;

CREATE TABLE ledger (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    intent_id  text COLLATE "C" NOT NULL REFERENCES intents (id),
    payment_id text COLLATE "C" NOT NULL,
    movement   text        NOT NULL CHECK (movement IN ('authorized', 'captured', 'voided', 'refunded')),
    amount     bigint      NOT NULL CHECK (amount > 0),
    currency   text        NOT NULL
);
COMMENT ON TABLE ledger IS 'Every movement of money, append-only. Amounts are in Stripe''s unit.';
COMMENT ON COLUMN ledger.payment_id IS 'From the intent''s metadata; empty if it has none.';
CREATE INDEX ON ledger (payment_id);
-- An intent is held at most once, and its hold ends at most once.
CREATE UNIQUE INDEX ledger_one_hold ON ledger (intent_id) WHERE movement = 'authorized';
CREATE UNIQUE INDEX ledger_one_end_of_hold ON ledger (intent_id) WHERE movement IN ('captured', 'voided');

CREATE VIEW balances AS
SELECT payment_id, intent_id, currency,
       coalesce(sum(amount) FILTER (WHERE movement = 'authorized'), 0)::bigint AS authorized,
       coalesce(sum(amount) FILTER (WHERE movement = 'captured'), 0)::bigint   AS captured,
       coalesce(sum(amount) FILTER (WHERE movement = 'voided'), 0)::bigint     AS voided,
       coalesce(sum(amount) FILTER (WHERE movement = 'refunded'), 0)::bigint   AS refunded
  FROM ledger
 GROUP BY payment_id, intent_id, currency;
COMMENT ON VIEW balances IS 'The sums of the ledger per intent. The held amount is authorized - captured - voided.';

CREATE TABLE requests (
    key        text COLLATE "C" PRIMARY KEY,
    parameters bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    status     int         NOT NULL,
    body       text        NOT NULL
);
COMMENT ON TABLE requests IS 'Idempotency keys with their responses, for 24 hours.';
CREATE INDEX ON requests (created_at);

CREATE TABLE webhooks (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due_at   timestamptz NOT NULL,
    attempts int         NOT NULL DEFAULT 0,
    event_id text        NOT NULL,
    body     text        NOT NULL
);
COMMENT ON TABLE webhooks IS 'Deliveries that have not succeeded.';
CREATE INDEX ON webhooks (due_at, seq);
