"""From models to a verdict: the evidence, the checks of the gate, the report."""
