"""The commands of `cook`, one module each."""
