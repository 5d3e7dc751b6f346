"""`python -m cookbook.cli` is `cook`."""

from cookbook.cli import run

run()
