"""OSCAL 1.2.1 in JSON: security plan, POA&M and assessment results of a snapshot, with stable UUIDs."""
