"""What rows must be like: Great Expectations suites, their verdicts, their Data Docs."""
