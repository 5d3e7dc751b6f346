"""Ways to run a program on a host: the contract, and its implementations."""
