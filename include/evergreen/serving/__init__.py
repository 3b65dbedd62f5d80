"""The prediction service: one process for all use cases.

    python -m evergreen.serving        # or `evergreen serve`

`app` speaks HTTP, `contract` says what a request holds, `desk` who answers, `answers` how;
`engine` computes; `watch` follows the ledger; `journal` and `store` keep what was answered;
`releases` puts challengers on trial.
"""
