"""One run over many hosts: its options, its threads, its signals."""
