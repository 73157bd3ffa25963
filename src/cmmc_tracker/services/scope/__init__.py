"""The scope of an assessment: drafts, the inventory, what surrounds it, providers and their matrices (170.19(c))."""
