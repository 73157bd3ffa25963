"""The rules, pure: no web, no SQL, no clock, no network."""
