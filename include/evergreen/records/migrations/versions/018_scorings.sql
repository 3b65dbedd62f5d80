-- Rows are scored in batch; a prediction knows the key of its row, by which labels find it.

CREATE TABLE evergreen.scorings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    sha256 text NOT NULL,
    snapshot_sha256 text NOT NULL,
    code text NOT NULL,              -- commit of what scored
    interval_start timestamptz NOT NULL,
    interval_end timestamptz NOT NULL,
    source text NOT NULL,            -- `query`, or a file
    destination text NOT NULL,       -- a table, or a file
    rows bigint NOT NULL CHECK (rows >= 0),          -- that have a prediction
    refused bigint NOT NULL CHECK (refused >= 0),    -- and those that have none
    reasons jsonb NOT NULL,          -- how many for what
    logged bigint NOT NULL,          -- of the rows, how many are in evergreen.predictions, too
    watched boolean NOT NULL,        -- it is what the use case declares, and counts when it is watched
    seconds double precision NOT NULL,
    as_of timestamptz NOT NULL,
    asked_at timestamptz NOT NULL,   -- by the first run
    run_key text NOT NULL,
    actor text NOT NULL,
    notes text[] NOT NULL,
    runs integer NOT NULL DEFAULT 1, -- how often it was done
    CONSTRAINT scorings_once UNIQUE (use_case, version, interval_start, interval_end, destination)
);

CREATE INDEX scorings_window ON evergreen.scorings (use_case, asked_at);

ALTER TABLE evergreen.predictions ADD COLUMN IF NOT EXISTS key jsonb;
CREATE INDEX IF NOT EXISTS predictions_key ON evergreen.predictions (use_case, key)
    WHERE key IS NOT NULL;

ALTER TABLE evergreen.prunings ADD COLUMN of_batch bigint NOT NULL DEFAULT 0;  -- of `things`

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'fit', 'paper', 'promotion', 'rollback', 'repair', 'trigger', 'backfill',
    'dry_run', 'activation', 'retirement', 'scoring'
));
