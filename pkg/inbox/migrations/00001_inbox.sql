-- +goose Up
CREATE TABLE inbox (
    consumer text COLLATE "C" NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    version  int              NOT NULL,
    PRIMARY KEY (consumer, subject)
);
COMMENT ON TABLE inbox IS 'The newest version of each aggregate that a consumer has acted on.';
