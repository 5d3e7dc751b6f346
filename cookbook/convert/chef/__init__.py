"""The conversion of Chef's cookbooks."""
