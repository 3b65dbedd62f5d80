-- Tokens of leases grow for ever, whatever becomes of the rows.

CREATE SEQUENCE evergreen.lease_tokens;
ALTER TABLE evergreen.leases ADD CONSTRAINT leases_token UNIQUE (token);
