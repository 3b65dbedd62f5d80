-- That somebody was forgotten, never who: what was rewritten since has another digest.

CREATE TABLE evergreen.erasures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    salt text NOT NULL,
    key_digest text NOT NULL,        -- of salt and key: who has the key can tell that it is this one
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL,
    as_of timestamptz NOT NULL,      -- when it was asked for
    places jsonb NOT NULL DEFAULT '{}',    -- how many things held the subject, by place
    digests jsonb NOT NULL DEFAULT '{}',   -- of snapshots: the one before, and the one since
    versions integer[] NOT NULL DEFAULT '{}',  -- that learned from the subject's rows
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz          -- NULL: it was interrupted, and must be asked for again
);

CREATE INDEX erasures_newest ON evergreen.erasures (use_case, id DESC);
