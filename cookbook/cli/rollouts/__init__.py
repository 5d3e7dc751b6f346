"""The command `cook rollout`: its options, what it prepares, and what it shows."""
