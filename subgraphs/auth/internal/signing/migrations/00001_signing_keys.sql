-- +goose Up
CREATE TABLE signing_keys (
    id         text COLLATE "C" PRIMARY KEY,
    sealed     bytea       NOT NULL,
    signs_from timestamptz NOT NULL
);
COMMENT ON COLUMN signing_keys.id IS 'The kid of its tokens: the thumbprint of the public key.';
COMMENT ON COLUMN signing_keys.sealed IS 'Nonce, then the private key''s seed under AES-256-GCM; the id is authenticated too.';
COMMENT ON COLUMN signing_keys.signs_from IS 'Published at once, used from then on.';
