-- That a person confirmed a draft, or ended a use case, is a decision.

ALTER TABLE evergreen.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE evergreen.decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN (
    'validation', 'gate', 'fit', 'promotion', 'rollback', 'repair', 'trigger', 'backfill', 'dry_run',
    'activation', 'retirement'
));
