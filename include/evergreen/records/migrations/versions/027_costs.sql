-- What each step of a training cost where it succeeded, and what had been foretold when it began.
-- Both are bounded: whoever adds to one lets go of the oldest of the use case.

CREATE TABLE evergreen.costs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    run_key text NOT NULL,
    step text NOT NULL,              -- extract … promote
    name text NOT NULL DEFAULT '',   -- of the recipe that was trained
    asked text NOT NULL DEFAULT '',  -- digest of the recipe as it was declared
    as_of timestamptz NOT NULL,
    rows bigint,                     -- of the snapshot; null: unknown
    fits integer,                    -- made anew; null: the step makes none, or it is unknown
    kept integer,                    -- fits that were known from before
    fit_rows bigint,                 -- learned from by those that were made, in sum
    fit_seconds double precision,    -- that they took, in sum, wherever they were made
    seconds double precision NOT NULL,
    peak_bytes bigint NOT NULL,      -- resident memory of the process, at most
    measured_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX costs_newest ON evergreen.costs (use_case, id DESC);

CREATE TABLE evergreen.forecasts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    run_key text NOT NULL,
    as_of timestamptz NOT NULL,
    document jsonb NOT NULL,         -- the plan
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX forecasts_newest ON evergreen.forecasts (use_case, id DESC);
