-- +goose Up
CREATE TABLE accounts (
    id            text COLLATE "C" PRIMARY KEY,
    email         text        NOT NULL,
    email_key     text COLLATE "C" NOT NULL CONSTRAINT accounts_one_per_email UNIQUE,
    display_name  text        NOT NULL,
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL
);
COMMENT ON COLUMN accounts.email IS 'As entered.';
COMMENT ON COLUMN accounts.email_key IS 'The address in the form in which two addresses are compared.';

CREATE TABLE sessions (
    id         text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE sessions IS 'The row is deleted when the session ends.';
COMMENT ON COLUMN sessions.expires_at IS 'Each renewal extends it.';
CREATE INDEX sessions_of_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions ON DELETE CASCADE,
    rotated_at timestamptz
);
COMMENT ON COLUMN refresh_tokens.hash IS 'SHA-256 of the token, which is not stored.';
COMMENT ON COLUMN refresh_tokens.rotated_at IS 'When it was exchanged for its successor; null for the session''s current token.';
CREATE UNIQUE INDEX refresh_tokens_one_current ON refresh_tokens (session_id) WHERE rotated_at IS NULL;
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_rotation ON refresh_tokens (rotated_at) WHERE rotated_at IS NOT NULL;

CREATE TABLE throttles (
    key       bytea PRIMARY KEY,
    attempts  int         NOT NULL,
    resets_at timestamptz NOT NULL
);
COMMENT ON COLUMN throttles.key IS 'SHA-256 of what is limited and for whom, so that no address is stored.';
CREATE INDEX throttles_by_reset ON throttles (resets_at);
