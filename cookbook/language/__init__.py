"""The language of recipes and providers: resources, probes, changes, templates."""
