ALTER TABLE evergreen.releases DROP CONSTRAINT IF EXISTS releases_strategy_check;
ALTER TABLE evergreen.releases ADD CONSTRAINT releases_strategy_check
    CHECK (strategy IN ('shadow', 'canary', 'ab', 'paper'));

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'fit', 'paper', 'promotion', 'rollback', 'repair', 'trigger', 'backfill',
    'dry_run', 'activation', 'retirement'
));
