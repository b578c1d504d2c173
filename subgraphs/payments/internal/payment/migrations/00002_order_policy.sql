-- +goose Up
ALTER TABLE orders
    ADD COLUMN paid_version int  NOT NULL DEFAULT 0,
    ADD COLUMN on_failure   text NOT NULL DEFAULT '';
COMMENT ON COLUMN orders.paid_version IS 'The version of the order once it is complete; 0 if orders did not publish it.';
COMMENT ON COLUMN orders.on_failure IS 'What a failed payment does to the order: cancel or retry; empty means cancel.';
