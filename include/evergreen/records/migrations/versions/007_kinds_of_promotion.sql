-- A champion comes by a change of recipe, a refresh of the same one, a rollback, or by force.

ALTER TABLE evergreen.promotions DROP CONSTRAINT promotions_kind_check;
UPDATE evergreen.promotions SET kind = 'change' WHERE kind = 'promotion';
ALTER TABLE evergreen.promotions ADD CONSTRAINT promotions_kind_check
    CHECK (kind IN ('change', 'refresh', 'rollback', 'forced'));

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'promotion', 'rollback', 'repair', 'trigger', 'backfill', 'dry_run', 'pin'
));

DROP TABLE IF EXISTS evergreen.migrations;  -- Alembic keeps count from here on
