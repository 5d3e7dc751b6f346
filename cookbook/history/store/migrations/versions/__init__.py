"""The migrations, in the order of their numbers; each was true of its day and stays as it is."""
