"""Saved plans, and the gate that lets only approved changes pass."""
