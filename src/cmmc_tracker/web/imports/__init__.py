"""Importing archives and registers."""
