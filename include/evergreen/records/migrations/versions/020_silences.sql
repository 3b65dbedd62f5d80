-- How many requests for predictions were answered and refused, by use case and minute or so.

CREATE TABLE evergreen.requests (
    id uuid PRIMARY KEY,             -- of the count: what is sent twice is stored once
    use_case text NOT NULL,
    time timestamptz NOT NULL,
    answered bigint NOT NULL CHECK (answered >= 0),
    refused bigint NOT NULL CHECK (refused >= 0),
    reason text NOT NULL             -- of most that were refused; empty: none was
);

CREATE INDEX requests_newest ON evergreen.requests (use_case, time DESC);
CREATE INDEX requests_old ON evergreen.requests (time);

-- When what watches over all looked last, so that something else can see that it does.

CREATE TABLE evergreen.heartbeats (
    name text PRIMARY KEY,
    at timestamptz NOT NULL
);
