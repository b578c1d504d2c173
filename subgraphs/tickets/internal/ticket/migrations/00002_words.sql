-- +goose Up
-- Words are compared in lower case and without accents, and not stemmed.
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
ALTER TABLE tickets DROP COLUMN title_words;
ALTER TABLE tickets ADD COLUMN title_words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('words', title)) STORED;
CREATE INDEX tickets_by_words ON tickets USING gin (title_words);
