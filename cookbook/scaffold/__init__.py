"""Folders that `cook init` and `cook new` write, from the templates beside this file."""
