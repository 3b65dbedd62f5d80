-- The last decision and the newest failure of each use case are found without reading the others.

CREATE INDEX decisions_of_champions ON evergreen.decisions (use_case, number DESC)
    WHERE kind <> ALL (ARRAY['backfill', 'trigger']);
CREATE INDEX incidents_failures ON evergreen.incidents (use_case, id DESC)
    WHERE kind = 'failure';
