-- A use case may be retired: nothing trains, watches or serves it until a person brings it back.

CREATE TABLE evergreen.retirements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_at timestamptz,
    lifted_by text,
    CONSTRAINT retirements_lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);

CREATE UNIQUE INDEX retirements_one_at_a_time ON evergreen.retirements (use_case)
    WHERE lifted_at IS NULL;
