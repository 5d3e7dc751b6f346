"""`cook kitchen test`: suites of kitchen.yml, each on fresh hosts of each of its releases."""
