-- The predictions of a trial, which the Models page counts and compares.

CREATE INDEX IF NOT EXISTS predictions_trial ON evergreen.predictions (release_id)
    WHERE release_id IS NOT NULL;
