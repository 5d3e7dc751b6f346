"""Sessions with hosts: connect, probe, reconnect."""
