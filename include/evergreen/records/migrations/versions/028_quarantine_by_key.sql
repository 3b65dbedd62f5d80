-- Whoever reads the rows that features look back at asks which of them are in quarantine.

CREATE INDEX quarantine_by_key ON evergreen.quarantine (use_case, key);
