-- A challenger that passed its gate may wait for a person's word; of a use case one does at a time.

CREATE TABLE evergreen.approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    version integer NOT NULL,
    decision_id text NOT NULL,       -- that let its fit pass
    sentence text NOT NULL,          -- of that decision
    report text NOT NULL,            -- address of its report; empty: there is no UI
    asked_at timestamptz NOT NULL,   -- by the run that asks
    expires_at timestamptz NOT NULL CHECK (expires_at > asked_at),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer text CHECK (answer IN ('approved', 'refused', 'expired', 'overtaken')),
    answered_by text,
    answered_at timestamptz,
    reason text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',  -- what came of the answer, in a sentence
    CONSTRAINT approvals_answered_by_somebody CHECK (
        (answer IS NULL) = (answered_by IS NULL) AND (answer IS NULL) = (answered_at IS NULL)
    )
);

CREATE UNIQUE INDEX approvals_one_at_a_time ON evergreen.approvals (use_case)
    WHERE answer IS NULL;

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'fit', 'paper', 'promotion', 'rollback', 'repair', 'trigger', 'backfill',
    'dry_run', 'activation', 'retirement', 'scoring', 'approval'
));
