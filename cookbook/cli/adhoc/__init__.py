"""The commands that need no recipe file: `cook run`, `cook declare`, `cook console`."""
