-- +goose Up
ALTER TABLE outbox ADD COLUMN missing text[];
COMMENT ON TABLE outbox IS 'Events that are committed and not yet published to all of their queues, in the order of seq.';
COMMENT ON COLUMN outbox.missing IS 'The queues that have not confirmed the event. NULL before its first attempt.';
