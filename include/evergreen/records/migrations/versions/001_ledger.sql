-- What was decided, who is champion, and which runs failed.

CREATE TABLE evergreen.decisions (
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id uuid PRIMARY KEY,
    use_case text NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'validation', 'gate', 'promotion', 'rollback', 'repair', 'trigger', 'backfill', 'dry_run'
    )),
    outcome text NOT NULL CHECK (outcome <> ''),
    sentence text NOT NULL CHECK (sentence <> ''),
    evidence jsonb NOT NULL,
    as_of timestamptz,
    run_key text NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX decisions_newest ON evergreen.decisions (use_case, number DESC);

CREATE TABLE evergreen.promotions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    run_id text NOT NULL,
    model_uri text NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    snapshot_sha256 text NOT NULL,
    golden_sha256 text,
    training jsonb NOT NULL,
    predecessor_id bigint,
    decision_id uuid NOT NULL REFERENCES evergreen.decisions (id),
    kind text NOT NULL CHECK (kind IN ('promotion', 'rollback')),
    reason text NOT NULL,
    actor text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (use_case, id),
    -- One successor each and one first: the chain of champions cannot fork.
    CONSTRAINT promotions_chain UNIQUE NULLS NOT DISTINCT (use_case, predecessor_id),
    CONSTRAINT promotions_once UNIQUE (use_case, decision_id),
    CONSTRAINT promotions_predecessor
        FOREIGN KEY (use_case, predecessor_id) REFERENCES evergreen.promotions (use_case, id)
);

CREATE TABLE evergreen.incidents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    run_key text NOT NULL UNIQUE,
    step text NOT NULL,
    message text NOT NULL,
    link text NOT NULL DEFAULT '',
    delivery text NOT NULL DEFAULT 'waiting',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    notified_at timestamptz,
    resolved_at timestamptz
);
