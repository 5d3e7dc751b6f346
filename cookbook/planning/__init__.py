"""Decisions about resources: what is in line, what must change, what is unknown yet."""
