-- Rows that broke an expectation and were left out, of the newest snapshot of each use case.

CREATE TABLE evergreen.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    snapshot_sha256 text NOT NULL,   -- of the snapshot that was extracted, which still has the row
    place bigint NOT NULL,           -- number of the row in it
    key jsonb NOT NULL,              -- without personal values
    reasons text[] NOT NULL,         -- columns and limits, never values
    as_of timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (use_case, snapshot_sha256, place)
);
