"""Secret values: the type, references by name, sealing for plan files."""
