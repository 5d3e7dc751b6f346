"""Hosts from elsewhere: `sources:` in hosts.yml; the kinds are registered by plugins."""
