"""Changes made on a host and verified: converge, saved plan, undo, prune, auto-rollback."""
