"""The hand-off: what a package is, how its files are named, and the hash logs as the DoD's guide wants them. Pure."""
