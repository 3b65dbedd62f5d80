"""The use cases: one module each, `USE_CASE = UseCase(...)`. Nothing else needs an edit."""
