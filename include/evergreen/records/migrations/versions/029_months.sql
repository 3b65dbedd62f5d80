-- Predictions and their labels lie in months (UTC), by when the prediction was answered: an old
-- month goes as a whole. How many there are of each kind is counted as they come and go.

-- Those who write wait from here on (the service on its disk), those who read only at the end.
LOCK TABLE evergreen.predictions, evergreen.labels IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE evergreen.prediction_counts (
    month date NOT NULL,                    -- its first day
    use_case text NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    sha256 text NOT NULL,
    snapshot_sha256 text NOT NULL,
    code text NOT NULL,
    variant text NOT NULL,
    release_id bigint NOT NULL,             -- 0: of no trial
    count bigint NOT NULL,
    PRIMARY KEY (
        month, use_case, version, run_id, sha256, snapshot_sha256, code, variant, release_id
    )
);

CREATE TABLE evergreen.recounts (           -- what the last look at a month found
    month date PRIMARY KEY,
    counted bigint NOT NULL,                -- in evergreen.prediction_counts, at that moment
    there bigint NOT NULL,                  -- predictions in the month itself
    orphans bigint NOT NULL                 -- of shadows whose own answer is not on record
);

INSERT INTO evergreen.prediction_counts
SELECT date_trunc('month', time AT TIME ZONE 'UTC'), use_case, version, run_id, sha256,
    snapshot_sha256, code, variant, coalesce(release_id, 0), count(*)
FROM evergreen.predictions GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- What is there already stays where it is, as the partition of all that came before.
CREATE TABLE evergreen.labels_before AS
SELECT labels.*, predictions.time AS answered_at
FROM evergreen.labels JOIN evergreen.predictions ON id = prediction_id;
DROP TABLE evergreen.labels;
ALTER TABLE evergreen.labels_before ADD PRIMARY KEY (prediction_id);

ALTER TABLE evergreen.predictions RENAME TO predictions_before;
ALTER INDEX evergreen.predictions_pkey RENAME TO predictions_before_pkey;
ALTER INDEX evergreen.predictions_window RENAME TO predictions_before_window;
ALTER INDEX evergreen.predictions_request RENAME TO predictions_before_request;
ALTER INDEX evergreen.predictions_trial RENAME TO predictions_before_trial;
ALTER INDEX evergreen.predictions_key RENAME TO predictions_before_key;

-- An id is there once in its month: PostgreSQL knows no key over months that lacks the time.
CREATE TABLE evergreen.predictions (LIKE evergreen.predictions_before)
    PARTITION BY RANGE (time);
CREATE TABLE evergreen.labels (
    prediction_id uuid NOT NULL,
    use_case text NOT NULL,
    label jsonb NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz NOT NULL        -- the time of the prediction
) PARTITION BY RANGE (answered_at);
ALTER TABLE evergreen.labels_before ALTER use_case SET NOT NULL, ALTER label SET NOT NULL,
    ALTER time SET NOT NULL, ALTER time SET DEFAULT clock_timestamp(),
    ALTER answered_at SET NOT NULL;

-- What falls outside of every month; `evergreen.make_month` takes it from there.
CREATE TABLE evergreen.predictions_outside PARTITION OF evergreen.predictions
    (PRIMARY KEY (id)) DEFAULT;
CREATE TABLE evergreen.labels_outside PARTITION OF evergreen.labels
    (PRIMARY KEY (prediction_id)) DEFAULT;

CREATE FUNCTION evergreen.make_month(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := month::timestamp AT TIME ZONE 'UTC';
    next timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
    parent text;
    id text;
    moment text;
    made text;
BEGIN
    FOR parent, id, moment IN
        VALUES ('predictions', 'id', 'time'), ('labels', 'prediction_id', 'answered_at')
    LOOP
        made := parent || to_char(month, '_YYYY_MM');
        EXECUTE format('LOCK TABLE evergreen.%I IN ACCESS EXCLUSIVE MODE', parent || '_outside');
        EXECUTE format('CREATE TABLE evergreen.%I (LIKE evergreen.%I INCLUDING DEFAULTS,'
            ' PRIMARY KEY (%I))', made, parent, id);
        EXECUTE format('WITH moved AS (DELETE FROM evergreen.%I WHERE %I >= %L AND %2$I < %4$L'
            ' RETURNING *) INSERT INTO evergreen.%5$I SELECT * FROM moved',
            parent || '_outside', moment, first, next, made);
        EXECUTE format('ALTER TABLE evergreen.%I ATTACH PARTITION evergreen.%I'
            ' FOR VALUES FROM (%L) TO (%L)', parent, made, first, next);
    END LOOP;
END $$;

DO $$
DECLARE
    newest date := (SELECT max(month) FROM evergreen.prediction_counts);
    month date := date_trunc('month', greatest(newest, clock_timestamp()::date));
BEGIN
    IF newest IS NULL THEN
        DROP TABLE evergreen.predictions_before, evergreen.labels_before;
    ELSE
        month := month + interval '1 month';
        EXECUTE format('ALTER TABLE evergreen.predictions ATTACH PARTITION'
            ' evergreen.predictions_before FOR VALUES FROM (MINVALUE) TO (%L)', month);
        EXECUTE format('ALTER TABLE evergreen.labels ATTACH PARTITION'
            ' evergreen.labels_before FOR VALUES FROM (MINVALUE) TO (%L)', month);
    END IF;
    FOR ahead IN 0..3 LOOP
        PERFORM evergreen.make_month((month + ahead * interval '1 month')::date);
    END LOOP;
END $$;

CREATE INDEX predictions_window ON evergreen.predictions (use_case, time);
CREATE INDEX predictions_request ON evergreen.predictions (request_id);
CREATE INDEX predictions_trial ON evergreen.predictions (release_id) WHERE release_id IS NOT NULL;
CREATE INDEX predictions_key ON evergreen.predictions (use_case, key) WHERE key IS NOT NULL;

-- The months that there are: `first` is null of what came before there were any.
CREATE VIEW evergreen.months AS
SELECT substr(relname, 13) AS name,
    (regexp_match(bounds, 'FROM \(''([^'']+)''\)'))[1]::timestamptz AS first,
    (regexp_match(bounds, 'TO \(''([^'']+)''\)'))[1]::timestamptz AS next
FROM (
    SELECT relname, pg_get_expr(relpartbound, pg_class.oid) AS bounds
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'evergreen.predictions'::regclass
) AS partitions
WHERE bounds <> 'DEFAULT';

CREATE FUNCTION evergreen.count_predictions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM evergreen.prediction_counts;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO evergreen.prediction_counts AS known
        SELECT date_trunc('month', time AT TIME ZONE 'UTC'), use_case, version, run_id, sha256,
            snapshot_sha256, code, variant, coalesce(release_id, 0), -count(*)
        FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        ON CONFLICT ON CONSTRAINT prediction_counts_pkey
        DO UPDATE SET count = known.count + excluded.count;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO evergreen.prediction_counts AS known
        SELECT date_trunc('month', time AT TIME ZONE 'UTC'), use_case, version, run_id, sha256,
            snapshot_sha256, code, variant, coalesce(release_id, 0), count(*)
        FROM come GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        ON CONFLICT ON CONSTRAINT prediction_counts_pkey
        DO UPDATE SET count = known.count + excluded.count;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM evergreen.prediction_counts WHERE count = 0;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER count_come AFTER INSERT ON evergreen.predictions
    REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION evergreen.count_predictions();
CREATE TRIGGER count_gone AFTER DELETE ON evergreen.predictions
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION evergreen.count_predictions();
CREATE TRIGGER count_changed AFTER UPDATE ON evergreen.predictions
    REFERENCING OLD TABLE AS gone NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION evergreen.count_predictions();
CREATE TRIGGER count_truncated AFTER TRUNCATE ON evergreen.predictions
    FOR EACH STATEMENT EXECUTE FUNCTION evergreen.count_predictions();
