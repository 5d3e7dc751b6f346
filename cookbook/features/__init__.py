"""Feature toggles: what features.yml says of which hosts have a feature."""
