"""The kill drill: acts that write, the instants at which everything is killed, and what must be true afterwards."""
