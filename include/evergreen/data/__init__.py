"""Rows: from PostgreSQL to immutable snapshots, and which row serves what."""
