"""A recipe of what a live host has, for `cook import`."""
