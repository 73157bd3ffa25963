"""The fault drill: every kind of write meets every kind of failure; what was acknowledged must be there afterwards."""
