"""Bytes into plans: what an import would change, before anything is changed."""
