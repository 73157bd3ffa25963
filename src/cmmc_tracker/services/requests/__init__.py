"""Requests for evidence: asking, reading, answering, the rounds, and upload links for people without an account."""
