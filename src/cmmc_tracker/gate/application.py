"""Flask as the gate needs it: a change that gave way to another is done once more; addresses are kept as made."""

from functools import lru_cache
from typing import Any

from flask import Flask, g, has_request_context, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.services.work import again

_ADDRESSES = 4_096


class Application(Flask):
    """The application.

    Of two people's requests at the same instant one may give way. A view can be called anew: forms and JSON are kept by
    the request, and what it did was rolled back. Files are not: they are written while they come.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._address = lru_cache(_ADDRESSES, typed=True)(self._made)

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view; anew where it gave way, nothing of it was kept and no file came with it."""
        return again(super().dispatch_request, lambda: "took_files" not in g)

    def url_for(  # type: ignore[override]
        self,
        endpoint: str,
        /,
        *,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """An address, as Flask makes it. A page of a requirement has 140 of them, the same at each look: kept as made.

        Once all defaults are among its values, an address depends on nothing else but the place where the proxy shows
        the application. One that lets in whoever has it is not kept.
        """
        if _method or _scheme or _external is not None or not has_request_context():
            return super().url_for(endpoint, _method=_method, _scheme=_scheme, _external=_external, **values)
        name = endpoint if endpoint[:1] != "." else f"{request.blueprint or ''}{endpoint}".removeprefix(".")
        self.inject_url_defaults(name, values)
        if "token" in values:
            return super().url_for(name, **values)
        try:
            return self._address(request.root_path, name, **values)
        except TypeError:  # a list among the values has no hash
            return super().url_for(name, **values)

    def _made(self, _root: str, endpoint: str, /, **values: Any) -> str:
        return super().url_for(endpoint, **values)
