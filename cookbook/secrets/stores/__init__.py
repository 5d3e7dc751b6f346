"""Stores that find the value of a secret by its name."""
