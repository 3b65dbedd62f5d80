-- Fits that are kept, champions that are pinned, what belongs to each, and who works for hours.

CREATE TABLE evergreen.fits (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    recipe text NOT NULL CHECK (recipe <> ''),        -- digest of candidate, features, code ...
    rows_digest text NOT NULL CHECK (rows_digest <> ''),
    place text NOT NULL CHECK (place <> ''),
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    seconds double precision NOT NULL CHECK (seconds >= 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT fits_once UNIQUE (recipe, rows_digest)
);

CREATE INDEX fits_newest ON evergreen.fits (use_case, id DESC);

CREATE TABLE evergreen.pins (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    until text NOT NULL DEFAULT '',                   -- the change that may lift it; empty: a person
    reason text NOT NULL CHECK (reason <> ''),
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_at timestamptz,
    lifted_by text,
    CONSTRAINT pins_lifted_by_somebody CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);

CREATE UNIQUE INDEX pins_one_at_a_time ON evergreen.pins (use_case) WHERE lifted_at IS NULL;

CREATE TABLE evergreen.dossiers (
    promotion_id bigint PRIMARY KEY,
    use_case text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT dossiers_promotion
        FOREIGN KEY (use_case, promotion_id) REFERENCES evergreen.promotions (use_case, id)
);

CREATE INDEX dossiers_newest ON evergreen.dossiers (use_case, promotion_id DESC);

CREATE TABLE evergreen.leases (
    purpose text NOT NULL,
    name text NOT NULL,
    holder text NOT NULL,
    token bigint NOT NULL,                            -- grows with each holder
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (purpose, name)
);
