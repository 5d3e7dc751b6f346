"""Checks of recipes that run nothing: what is legal, and yet a mistake or a trap."""
