"""Texts from and for other programs and people: redaction, sanitizing, diffs, suggestions."""
