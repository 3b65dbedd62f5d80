"""Forget one subject: its rows go from all that is ours, and that they went stays on record.

    done = forget("churn", ["customer_id=17"], apply=False, reason="", …)      # what holds it
    [(place.name, place.things) for place in done.places], done.versions, done.elsewhere

`naming`   by which columns it is asked for
`subject`  who it is, and how a row, a document and a text are known to be about it
`rows`     snapshots, features and answers: written anew at their addresses, aligned as before
`golden`   golden rows with their digests, and the examples that MLflow keeps of models
`papers`   Data Docs, reports, drift pages, what is remembered of fits, logs below the home
`waiting`  answers on the service's disk
`outside`  scored tables; and what is not ours to write: the source, backups, Airflow
`story`    the order, which a crash may interrupt anywhere: asked again, it does the rest

A model stays what it is. Which versions learned from the rows is told and put on record: train
again, and retire them. What of a model was fitted on rows that are gone cannot be fitted again.
"""

from evergreen.forgetting.story import Forgotten, Place, forget, sentence

__all__ = ["Forgotten", "Place", "forget", "sentence"]
