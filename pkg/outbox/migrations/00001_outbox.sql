-- +goose Up
CREATE TABLE outbox (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid        NOT NULL,
    type           text        NOT NULL,
    subject        text        NOT NULL,
    version        int         NOT NULL,
    time           timestamptz NOT NULL DEFAULT clock_timestamp(),
    request_id     text        NOT NULL,
    cause_id       text        NOT NULL,
    trace_parent   text        NOT NULL,
    data           json        NOT NULL
);
COMMENT ON TABLE outbox IS 'Events that were decided but not yet published, in the order of seq.';
