-- +goose Up
CREATE TABLE deadlines (
    order_id     text COLLATE "C" PRIMARY KEY,
    due_at       timestamptz NOT NULL,
    request_id   text        NOT NULL,
    cause_id     text        NOT NULL,
    trace_parent text        NOT NULL
);
COMMENT ON TABLE deadlines IS 'Orders that are neither paid nor cancelled, and when they expire. A row leaves as order.expired.';
COMMENT ON COLUMN deadlines.request_id IS 'With cause_id and trace_parent: what the order began with, for the event that ends it.';

CREATE INDEX deadlines_by_due_at ON deadlines (due_at);
