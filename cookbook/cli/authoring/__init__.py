"""The commands for authors of recipes."""
