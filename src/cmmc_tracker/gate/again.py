"""The application of the gate: a request whose change gave way to another one is answered by doing it once more."""

from flask import Flask, g
from flask.typing import ResponseReturnValue

from cmmc_tracker.services.work import again


class Application(Flask):
    """Flask, but for requests that two people send at the same instant.

    A view can be called anew: forms and JSON are kept by the request, and what it did was rolled back. Files are not:
    they are written while they come.
    """

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view; anew where it gave way, nothing of it was kept and no file came with it."""
        return again(super().dispatch_request, lambda: "took_files" not in g)
