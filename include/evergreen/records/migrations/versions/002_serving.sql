-- What was served, what turned out to be true, and which challengers are on trial.

CREATE TABLE IF NOT EXISTS evergreen.predictions (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL,        -- the prediction that was answered; a shadow's differs from its id
    time timestamptz NOT NULL,
    use_case text NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    sha256 text NOT NULL,
    snapshot_sha256 text NOT NULL,
    code text NOT NULL,              -- commit of the service
    engine text NOT NULL,
    variant text NOT NULL,           -- champion, challenger (its answer was given), shadow (it was not)
    release_id bigint,
    subject text,
    inputs jsonb NOT NULL,           -- the raw row
    history jsonb,                   -- the raw rows before it, when the caller sent them
    output jsonb NOT NULL,
    probability double precision,    -- of the output
    probabilities jsonb,
    latency_ms double precision NOT NULL
);

CREATE INDEX IF NOT EXISTS predictions_window ON evergreen.predictions (use_case, time);
CREATE INDEX IF NOT EXISTS predictions_request ON evergreen.predictions (request_id);

CREATE TABLE IF NOT EXISTS evergreen.labels (
    prediction_id uuid PRIMARY KEY REFERENCES evergreen.predictions (id),
    use_case text NOT NULL,
    label jsonb NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS evergreen.releases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    strategy text NOT NULL CHECK (strategy IN ('shadow', 'canary', 'ab')),
    share double precision NOT NULL CHECK (share > 0 AND share <= 1),
    challenger jsonb NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_at timestamptz,
    outcome text                     -- why it stopped
);

CREATE UNIQUE INDEX IF NOT EXISTS releases_one_at_a_time
    ON evergreen.releases (use_case) WHERE stopped_at IS NULL;

CREATE TABLE IF NOT EXISTS evergreen.serving_drops (
    id uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    count integer NOT NULL CHECK (count > 0),
    reason text NOT NULL
);

CREATE OR REPLACE FUNCTION evergreen.tell_the_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('evergreen_serving', NEW.use_case);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tell_the_service AFTER INSERT ON evergreen.promotions
    FOR EACH ROW EXECUTE FUNCTION evergreen.tell_the_service();
CREATE OR REPLACE TRIGGER tell_the_service AFTER INSERT OR UPDATE ON evergreen.releases
    FOR EACH ROW EXECUTE FUNCTION evergreen.tell_the_service();
