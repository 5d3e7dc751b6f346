"""Continuous runs: `cook watch` has groups of hosts checked or converged again and again."""
