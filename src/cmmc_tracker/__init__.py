"""The CMMC Artifact Tracker: evidence kept unchanged, objectives judged, the score by the rule."""

from cmmc_tracker.app import create_app

__all__ = ["create_app"]
