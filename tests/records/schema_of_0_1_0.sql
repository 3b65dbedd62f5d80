-- What `pg_dump --schema=evergreen --column-inserts` said of a database of release 0.1.0.
CREATE SCHEMA evergreen;
CREATE FUNCTION evergreen.tell_the_service() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('evergreen_serving', NEW.use_case);
    RETURN NULL;
END $$;
CREATE TABLE evergreen.decisions (
    number bigint NOT NULL,
    id uuid NOT NULL,
    use_case text NOT NULL,
    kind text NOT NULL,
    outcome text NOT NULL,
    sentence text NOT NULL,
    evidence jsonb NOT NULL,
    as_of timestamp with time zone,
    run_key text NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decisions_kind_check CHECK ((kind = ANY (ARRAY['validation'::text, 'gate'::text, 'promotion'::text, 'rollback'::text, 'repair'::text, 'trigger'::text, 'backfill'::text, 'dry_run'::text]))),
    CONSTRAINT decisions_outcome_check CHECK ((outcome <> ''::text)),
    CONSTRAINT decisions_sentence_check CHECK ((sentence <> ''::text))
);
ALTER TABLE evergreen.decisions ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.decisions_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE evergreen.incidents (
    id bigint NOT NULL,
    use_case text NOT NULL,
    run_key text NOT NULL,
    step text NOT NULL,
    message text NOT NULL,
    link text DEFAULT ''::text NOT NULL,
    delivery text DEFAULT 'waiting'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    notified_at timestamp with time zone,
    resolved_at timestamp with time zone,
    kind text DEFAULT 'failure'::text NOT NULL,
    resolution text DEFAULT ''::text NOT NULL,
    resolution_delivery text DEFAULT ''::text NOT NULL,
    resolution_notified_at timestamp with time zone,
    CONSTRAINT incidents_kind_check CHECK ((kind <> ''::text))
);
ALTER TABLE evergreen.incidents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.incidents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE evergreen.labels (
    prediction_id uuid NOT NULL,
    use_case text NOT NULL,
    label jsonb NOT NULL,
    "time" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE evergreen.landings (
    id bigint NOT NULL,
    use_case text NOT NULL,
    item text NOT NULL,
    sha256 text NOT NULL,
    rows bigint NOT NULL,
    landed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT landings_rows_check CHECK ((rows >= 0)),
    CONSTRAINT landings_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);
ALTER TABLE evergreen.landings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.landings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE evergreen.migrations (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE evergreen.predictions (
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    "time" timestamp with time zone NOT NULL,
    use_case text NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    sha256 text NOT NULL,
    snapshot_sha256 text NOT NULL,
    code text NOT NULL,
    engine text NOT NULL,
    variant text NOT NULL,
    release_id bigint,
    subject text,
    inputs jsonb NOT NULL,
    history jsonb,
    output jsonb NOT NULL,
    probability double precision,
    probabilities jsonb,
    latency_ms double precision NOT NULL
);
CREATE TABLE evergreen.promotions (
    id bigint NOT NULL,
    use_case text NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    model_uri text NOT NULL,
    sha256 text NOT NULL,
    snapshot_sha256 text NOT NULL,
    golden_sha256 text,
    training jsonb NOT NULL,
    predecessor_id bigint,
    decision_id uuid NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT promotions_kind_check CHECK ((kind = ANY (ARRAY['promotion'::text, 'rollback'::text]))),
    CONSTRAINT promotions_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT promotions_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text]))),
    CONSTRAINT promotions_version_check CHECK ((version > 0))
);
ALTER TABLE evergreen.promotions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.promotions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE evergreen.releases (
    id bigint NOT NULL,
    use_case text NOT NULL,
    strategy text NOT NULL,
    share double precision NOT NULL,
    challenger jsonb NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    stopped_at timestamp with time zone,
    outcome text,
    CONSTRAINT releases_share_check CHECK (((share > (0)::double precision) AND (share <= (1)::double precision))),
    CONSTRAINT releases_strategy_check CHECK ((strategy = ANY (ARRAY['shadow'::text, 'canary'::text, 'ab'::text])))
);
ALTER TABLE evergreen.releases ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.releases_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE evergreen.retrainings (
    id bigint NOT NULL,
    use_case text NOT NULL,
    window_end timestamp with time zone NOT NULL,
    champion integer NOT NULL,
    cause text NOT NULL,
    run_key text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT retrainings_cause_check CHECK ((cause <> ''::text)),
    CONSTRAINT retrainings_champion_check CHECK ((champion > 0))
);
ALTER TABLE evergreen.retrainings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.retrainings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE evergreen.serving_drops (
    id uuid NOT NULL,
    "time" timestamp with time zone NOT NULL,
    count integer NOT NULL,
    reason text NOT NULL,
    CONSTRAINT serving_drops_count_check CHECK ((count > 0))
);
CREATE TABLE evergreen.windows (
    id bigint NOT NULL,
    use_case text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    champion integer NOT NULL,
    rows bigint NOT NULL,
    outcome text NOT NULL,
    sentence text NOT NULL,
    document jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT windows_champion_check CHECK ((champion >= 0)),
    CONSTRAINT windows_check CHECK ((ended_at > started_at)),
    CONSTRAINT windows_outcome_check CHECK ((outcome = ANY (ARRAY['calm'::text, 'warning'::text, 'critical'::text, 'unknown'::text]))),
    CONSTRAINT windows_rows_check CHECK ((rows >= 0)),
    CONSTRAINT windows_sentence_check CHECK ((sentence <> ''::text))
);
ALTER TABLE evergreen.windows ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME evergreen.windows_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO evergreen.decisions (number, id, use_case, kind, outcome, sentence, evidence, as_of, run_key, actor, created_at) OVERRIDING SYSTEM VALUE VALUES (1, 'c97d9db0-d885-5deb-b8c3-377a51264180', 'weather', 'gate', 'passed', 'Every check passed.', '{"report": "a"}', '2026-08-24 00:00:00+00', 'cli/a', 'ada', '2026-11-26 01:24:28.190234+00');
INSERT INTO evergreen.decisions (number, id, use_case, kind, outcome, sentence, evidence, as_of, run_key, actor, created_at) OVERRIDING SYSTEM VALUE VALUES (2, '220cb135-6a4a-5322-8ff7-6ade699fc394', 'weather', 'gate', 'passed', 'Every check passed.', '{"report": "b"}', '2026-08-24 00:00:00+00', 'cli/b', 'ada', '2026-11-26 01:24:28.975023+00');
INSERT INTO evergreen.decisions (number, id, use_case, kind, outcome, sentence, evidence, as_of, run_key, actor, created_at) OVERRIDING SYSTEM VALUE VALUES (3, 'cb2690fb-ee05-5222-959d-1f2ef1b9ec24', 'weather', 'gate', 'passed', 'Every check passed.', '{"report": "c"}', '2026-08-24 00:00:00+00', 'cli/c', 'ada', '2026-11-26 01:24:29.250781+00');
INSERT INTO evergreen.incidents (id, use_case, run_key, step, message, link, delivery, created_at, notified_at, resolved_at, kind, resolution, resolution_delivery, resolution_notified_at) OVERRIDING SYSTEM VALUE VALUES (1, 'weather', 'w/1', 'train', 'boom', '', 'waiting', '2026-11-26 01:24:29.626586+00', NULL, NULL, 'failure', '', '', NULL);
INSERT INTO evergreen.migrations (version, name, applied_at) VALUES (1, '001_ledger', '2026-11-26 01:24:27.996897+00');
INSERT INTO evergreen.migrations (version, name, applied_at) VALUES (2, '002_serving', '2026-11-26 01:24:28.089979+00');
INSERT INTO evergreen.migrations (version, name, applied_at) VALUES (3, '003_windows', '2026-11-26 01:24:28.124882+00');
INSERT INTO evergreen.migrations (version, name, applied_at) VALUES (4, '004_retrainings', '2026-11-26 01:24:28.148806+00');
INSERT INTO evergreen.migrations (version, name, applied_at) VALUES (5, '005_landings', '2026-11-26 01:24:28.177978+00');
INSERT INTO evergreen.migrations (version, name, applied_at) VALUES (6, '006_trials', '2026-11-26 01:24:28.179293+00');
INSERT INTO evergreen.promotions (id, use_case, version, run_id, model_uri, sha256, snapshot_sha256, golden_sha256, training, predecessor_id, decision_id, kind, reason, actor, state, created_at) OVERRIDING SYSTEM VALUE VALUES (1, 'weather', 1, 'run-1', 'models:/m-1', '0000000000000000000000000000000000000000000000000000000000000001', '5555555555555555555555555555555555555555555555555555555555555555', NULL, '{"end": null, "rows": 9, "start": "2020-01-01T00:00:00Z"}', NULL, 'c97d9db0-d885-5deb-b8c3-377a51264180', 'promotion', 'better', 'ada', 'done', '2026-11-26 01:24:28.840022+00');
INSERT INTO evergreen.promotions (id, use_case, version, run_id, model_uri, sha256, snapshot_sha256, golden_sha256, training, predecessor_id, decision_id, kind, reason, actor, state, created_at) OVERRIDING SYSTEM VALUE VALUES (2, 'weather', 2, 'run-2', 'models:/m-2', '0000000000000000000000000000000000000000000000000000000000000002', '5555555555555555555555555555555555555555555555555555555555555555', NULL, '{"end": null, "rows": 9, "start": "2020-01-01T00:00:00Z"}', 1, '220cb135-6a4a-5322-8ff7-6ade699fc394', 'promotion', 'better', 'ada', 'done', '2026-11-26 01:24:29.071139+00');
INSERT INTO evergreen.promotions (id, use_case, version, run_id, model_uri, sha256, snapshot_sha256, golden_sha256, training, predecessor_id, decision_id, kind, reason, actor, state, created_at) OVERRIDING SYSTEM VALUE VALUES (3, 'weather', 1, 'run-1', 'models:/m-1', '0000000000000000000000000000000000000000000000000000000000000001', '5555555555555555555555555555555555555555555555555555555555555555', NULL, '{"end": null, "rows": 9, "start": "2020-01-01T00:00:00Z"}', 2, 'cb2690fb-ee05-5222-959d-1f2ef1b9ec24', 'rollback', 'better', 'ada', 'done', '2026-11-26 01:24:29.43291+00');
SELECT pg_catalog.setval('evergreen.decisions_number_seq', 3, true);
SELECT pg_catalog.setval('evergreen.incidents_id_seq', 1, true);
SELECT pg_catalog.setval('evergreen.landings_id_seq', 1, false);
SELECT pg_catalog.setval('evergreen.promotions_id_seq', 3, true);
SELECT pg_catalog.setval('evergreen.releases_id_seq', 1, false);
SELECT pg_catalog.setval('evergreen.retrainings_id_seq', 1, false);
SELECT pg_catalog.setval('evergreen.windows_id_seq', 1, false);
ALTER TABLE ONLY evergreen.decisions
    ADD CONSTRAINT decisions_number_key UNIQUE (number);
ALTER TABLE ONLY evergreen.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.incidents
    ADD CONSTRAINT incidents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.incidents
    ADD CONSTRAINT incidents_run_key_key UNIQUE (run_key);
ALTER TABLE ONLY evergreen.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (prediction_id);
ALTER TABLE ONLY evergreen.landings
    ADD CONSTRAINT landings_once UNIQUE (use_case, item, sha256);
ALTER TABLE ONLY evergreen.landings
    ADD CONSTRAINT landings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY evergreen.predictions
    ADD CONSTRAINT predictions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.promotions
    ADD CONSTRAINT promotions_chain UNIQUE NULLS NOT DISTINCT (use_case, predecessor_id);
ALTER TABLE ONLY evergreen.promotions
    ADD CONSTRAINT promotions_once UNIQUE (use_case, decision_id);
ALTER TABLE ONLY evergreen.promotions
    ADD CONSTRAINT promotions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.promotions
    ADD CONSTRAINT promotions_use_case_id_key UNIQUE (use_case, id);
ALTER TABLE ONLY evergreen.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.retrainings
    ADD CONSTRAINT retrainings_once UNIQUE (use_case, window_end, champion);
ALTER TABLE ONLY evergreen.retrainings
    ADD CONSTRAINT retrainings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.retrainings
    ADD CONSTRAINT retrainings_run_key_key UNIQUE (run_key);
ALTER TABLE ONLY evergreen.serving_drops
    ADD CONSTRAINT serving_drops_pkey PRIMARY KEY (id);
ALTER TABLE ONLY evergreen.windows
    ADD CONSTRAINT windows_once UNIQUE (use_case, ended_at, champion);
ALTER TABLE ONLY evergreen.windows
    ADD CONSTRAINT windows_pkey PRIMARY KEY (id);
CREATE INDEX decisions_newest ON evergreen.decisions USING btree (use_case, number DESC);
CREATE UNIQUE INDEX incidents_one_alert ON evergreen.incidents USING btree (use_case, kind) WHERE ((kind <> 'failure'::text) AND (resolved_at IS NULL));
CREATE INDEX predictions_request ON evergreen.predictions USING btree (request_id);
CREATE INDEX predictions_trial ON evergreen.predictions USING btree (release_id) WHERE (release_id IS NOT NULL);
CREATE INDEX predictions_window ON evergreen.predictions USING btree (use_case, "time");
CREATE UNIQUE INDEX releases_one_at_a_time ON evergreen.releases USING btree (use_case) WHERE (stopped_at IS NULL);
CREATE INDEX retrainings_newest ON evergreen.retrainings USING btree (use_case, asked_at DESC);
CREATE INDEX windows_newest ON evergreen.windows USING btree (use_case, ended_at DESC);
CREATE TRIGGER tell_the_service AFTER INSERT ON evergreen.promotions FOR EACH ROW EXECUTE FUNCTION evergreen.tell_the_service();
CREATE TRIGGER tell_the_service AFTER INSERT OR UPDATE ON evergreen.releases FOR EACH ROW EXECUTE FUNCTION evergreen.tell_the_service();
ALTER TABLE ONLY evergreen.labels
    ADD CONSTRAINT labels_prediction_id_fkey FOREIGN KEY (prediction_id) REFERENCES evergreen.predictions(id);
ALTER TABLE ONLY evergreen.promotions
    ADD CONSTRAINT promotions_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES evergreen.decisions(id);
ALTER TABLE ONLY evergreen.promotions
    ADD CONSTRAINT promotions_predecessor FOREIGN KEY (use_case, predecessor_id) REFERENCES evergreen.promotions(use_case, id);
