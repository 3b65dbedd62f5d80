"""From rows to models: features, candidates, training, tracking."""
