"""The story of one training cycle, step by step.

    snapshot = extract(...)                      # PostgreSQL to an immutable Parquet file
    validation = validate(snapshot)              # Great Expectations; blocks
    features = build_features(validation)        # split, and features of every row
    trained = [train(features, name) for name in candidates]
    evaluation = evaluate(features, trained)     # challenger, champion, baselines: same rows
    verdict = gate(evaluation)                   # passed, failed or unknown; fails closed
    promote(verdict)                             # compare-and-set in the registry

Each step takes and returns small references, may be run again without changing anything, and knows
neither Airflow nor the clock.
"""
