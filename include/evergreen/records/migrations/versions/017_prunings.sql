-- What was pruned stays on record: accepted = logged + dropped + pruned.

CREATE TABLE evergreen.prunings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    kind text NOT NULL CHECK (kind <> ''),           -- predictions, snapshots, reports ...
    things bigint NOT NULL CHECK (things >= 0),      -- how many went
    bytes bigint NOT NULL CHECK (bytes >= 0),
    oldest timestamptz,                              -- of what went
    why text NOT NULL CHECK (why <> ''),
    as_of timestamptz NOT NULL,                      -- ages were counted from it
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX prunings_newest ON evergreen.prunings (use_case, id DESC);
CREATE INDEX trainings_by_run ON evergreen.trainings (use_case, (document ->> 'run_id'));
