"""The hand-off of a system: freezing it, what is kept of it, and the package as a stream."""
