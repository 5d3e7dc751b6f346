"""POSIX shell scripts for hosts: programs and replies, facts, lock, stash."""
