-- The last delivery stands: an item may come again after another; and where it was landed is known.

ALTER TABLE evergreen.landings DROP CONSTRAINT landings_once;
ALTER TABLE evergreen.landings
    ADD COLUMN relation text NOT NULL DEFAULT '',  -- the table that took it, as PostgreSQL knows it
    ADD COLUMN read_as text NOT NULL DEFAULT '',   -- what was declared of how it is written
    ADD COLUMN delivered_at timestamptz;           -- when the file was written

CREATE INDEX landings_newest ON evergreen.landings (use_case, item, id DESC);
