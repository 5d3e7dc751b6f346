"""Declare the state of a machine; converge to it over SSH."""

__version__ = "0.1.0"
