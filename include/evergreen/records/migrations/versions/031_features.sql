-- Features of rows, where a use case says `Features(stored=True)`. All of it can be made again.

CREATE TABLE evergreen.feature_definitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    sha256 text NOT NULL,            -- of the code and of all that it reads, as dossiers hold it
    as_of timestamptz,               -- of the newest fill that came to its end; null: none has
    good_until timestamptz,          -- later than that they are too old to answer with
    run_key text,                    -- the run of that fill
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (use_case, sha256)
);

CREATE TABLE evergreen.feature_parts (
    definition bigint NOT NULL REFERENCES evergreen.feature_definitions ON DELETE CASCADE,
    name text NOT NULL,              -- of a chunk of the snapshot, or `young`
    sha256 text NOT NULL,            -- of what is stored: the same again is not written again
    as_of timestamptz NOT NULL,
    PRIMARY KEY (definition, name)
);

CREATE TABLE evergreen.features (
    definition bigint NOT NULL REFERENCES evergreen.feature_definitions ON DELETE CASCADE,
    key jsonb NOT NULL,              -- of the row in the source
    entity jsonb NOT NULL,           -- whose it is
    time timestamptz,                -- event time; null: rows have none
    numbers float8[] NOT NULL,       -- NaN: missing
    texts jsonb NOT NULL,            -- null: missing
    raw jsonb NOT NULL,              -- the columns of the row itself, as predictions keep them
    part text NOT NULL,
    as_of timestamptz NOT NULL,      -- of the fill that wrote it
    PRIMARY KEY (definition, key)
);
CREATE INDEX features_by_entity ON evergreen.features (definition, entity, time DESC);
CREATE INDEX features_by_part ON evergreen.features (definition, part);
