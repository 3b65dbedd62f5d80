-- What watching found out about each window of logged predictions, once for each champion.

CREATE TABLE evergreen.windows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL CHECK (ended_at > started_at),
    champion integer NOT NULL CHECK (champion >= 0),  -- version; 0: there was none
    rows bigint NOT NULL CHECK (rows >= 0),
    outcome text NOT NULL CHECK (outcome IN ('calm', 'warning', 'critical', 'unknown')),
    sentence text NOT NULL CHECK (sentence <> ''),
    document jsonb NOT NULL,                          -- the whole WindowRef
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT windows_once UNIQUE (use_case, ended_at, champion)
);

CREATE INDEX windows_newest ON evergreen.windows (use_case, ended_at DESC);
