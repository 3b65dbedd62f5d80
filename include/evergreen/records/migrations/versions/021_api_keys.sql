-- Keys of the prediction service: who has one, what for, until when. The key itself is kept by nobody.

CREATE TABLE evergreen.api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    sha256 text NOT NULL UNIQUE,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    use_cases text[] NOT NULL,       -- empty: all
    expires_at timestamptz,          -- null: never
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT api_keys_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);

CREATE UNIQUE INDEX api_keys_one_name ON evergreen.api_keys (name) WHERE revoked_at IS NULL;
