"""The documents of a system, the facts at their head, and the template of the security plan."""
