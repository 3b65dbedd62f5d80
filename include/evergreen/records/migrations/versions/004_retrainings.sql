-- Which retrainings were asked for, and which alerts are open.

CREATE TABLE evergreen.retrainings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    window_end timestamptz NOT NULL,
    champion integer NOT NULL CHECK (champion > 0),
    cause text NOT NULL CHECK (cause <> ''),
    run_key text NOT NULL UNIQUE,
    asked_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT retrainings_once UNIQUE (use_case, window_end, champion)
);

CREATE INDEX retrainings_newest ON evergreen.retrainings (use_case, asked_at DESC);

-- An incident is a failed run (named by its run key), or an alert: a state that lasts.
ALTER TABLE evergreen.incidents
    ADD COLUMN kind text NOT NULL DEFAULT 'failure' CHECK (kind <> ''),
    ADD COLUMN resolution text NOT NULL DEFAULT '',
    ADD COLUMN resolution_delivery text NOT NULL DEFAULT '',
    ADD COLUMN resolution_notified_at timestamptz;

CREATE UNIQUE INDEX incidents_one_alert ON evergreen.incidents (use_case, kind)
    WHERE kind <> 'failure' AND resolved_at IS NULL;
