-- Trainings that were finished, the answers of walks, and decisions about fits.

CREATE TABLE evergreen.trainings (
    key text PRIMARY KEY CHECK (key ~ '^[0-9a-f]{64}$'),  -- digest of all that it depends on
    use_case text NOT NULL,
    document jsonb NOT NULL,                              -- the CandidateRef
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX trainings_newest ON evergreen.trainings (use_case, finished_at DESC);

CREATE TABLE evergreen.walks (
    use_case text NOT NULL,
    recipe text NOT NULL CHECK (recipe <> ''),
    place text NOT NULL CHECK (place <> ''),              -- of its answers, in the store
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    walked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (use_case, recipe)
);

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'fit', 'promotion', 'rollback', 'repair', 'trigger', 'backfill', 'dry_run'
));
