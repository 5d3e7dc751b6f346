"""The database of finished runs: SQLite, or the PostgreSQL of a team."""
