"""Who is champion, since when and why: the ledger, the registry, promotion and rollback."""
