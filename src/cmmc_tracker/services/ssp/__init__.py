"""The system security plan: reading it, writing it, its versions, its values, what changed, taking one in."""
