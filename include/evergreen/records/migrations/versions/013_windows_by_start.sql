-- A window is known by its start, too: a longer one with the same end is another.

ALTER TABLE evergreen.windows DROP CONSTRAINT windows_once;
ALTER TABLE evergreen.windows ADD CONSTRAINT windows_once
    UNIQUE (use_case, started_at, ended_at, champion);
