-- Which files and days have been landed in a table, so that each is landed once.

CREATE TABLE evergreen.landings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    item text NOT NULL,                    -- path of a file, or day of an API
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    rows bigint NOT NULL CHECK (rows >= 0),
    landed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT landings_once UNIQUE (use_case, item, sha256)
);
