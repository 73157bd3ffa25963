"""Triage: a pile of new files, gone through with the keyboard."""
