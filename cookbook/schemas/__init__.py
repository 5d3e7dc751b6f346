"""JSON Schemas of the files of cook, for editors; the readers themselves do not use them."""
