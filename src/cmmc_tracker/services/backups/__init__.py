"""Backups: made while people work, proved without restoring, restored into an empty installation of either database."""
