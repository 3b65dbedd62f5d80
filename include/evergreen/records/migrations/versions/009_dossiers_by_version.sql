-- What belongs to each version that may be champion, as it was when it was registered.

DROP TABLE evergreen.dossiers;  -- nothing was written to it yet

CREATE TABLE evergreen.dossiers (
    use_case text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (use_case, version)
);
