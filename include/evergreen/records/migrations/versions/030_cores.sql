-- What a step took of the machine: beside others its seconds say little, these stay the same.
-- Null of what was measured before, and of the queue where the system does not tell it.

ALTER TABLE evergreen.costs
    ADD COLUMN cpu_seconds double precision,      -- on a core, of all its threads and children
    ADD COLUMN queued_seconds double precision;   -- that it could have run, and no core was free
