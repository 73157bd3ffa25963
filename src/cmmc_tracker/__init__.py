"""The CMMC Artifact Tracker: evidence kept unchanged, objectives judged, the score by the rule."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmmc_tracker.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Load the application when somebody asks for it: commands that serve nothing start without it."""
    if name == "create_app":
        from cmmc_tracker.app import create_app  # noqa: PLC0415

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
