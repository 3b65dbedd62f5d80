-- What a look at a trial decided.

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'fit', 'paper', 'promotion', 'rollback', 'repair', 'trigger', 'backfill',
    'dry_run', 'activation', 'retirement', 'scoring', 'approval', 'trial'
));
