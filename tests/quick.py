"""What tests share or leave out, because each has an installation of its own and would do the same work again.

Nothing here changes what the product answers: forms of addresses, templates and statements are compiled once in a
worker, and the disk is not waited for, since a test's data need not outlive a power cut (`tests/storage` holds that
the product does wait).
"""

import os
from functools import partial
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine, event
from werkzeug.routing import Rule
from werkzeug.test import stream_encode_multipart

_engines: dict[str, Engine] = {}
_STATEMENTS = 5_000


class _Compiled(BytecodeCache):
    """Compiled templates by what they were compiled from."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


def share_templates(patch: pytest.MonkeyPatch) -> None:
    """Compile each page once: or else most of the time goes into that."""
    patch.setitem(Flask.jinja_options, "bytecode_cache", _Compiled())


def share_addresses(patch: pytest.MonkeyPatch) -> None:
    """Compile each of some 270 addresses once: Werkzeug reads its form and writes two functions for it.

    What is made belongs to the rule's own words and the kinds of its variables, so applications can share it.
    """
    compile_one, kept = Rule.compile, dict[Any, dict[str, Any]]()
    made = ("_parts", "_trace", "_converters", "arguments")

    def compiled(self: Rule) -> None:
        words = (self.rule, self.subdomain, self.host, self.merge_slashes, repr(self.defaults))
        key = (*words, tuple(self.map.converters.values()))
        if key not in kept:
            compile_one(self)
            kept[key] = {name: getattr(self, name) for name in made}
            kept[key] |= {name: getattr(self, name).__func__ for name in ("_build", "_build_unknown")}
            return
        for name in made:
            setattr(self, name, kept[key][name])
        self._build, self._build_unknown = (kept[key][name].__get__(self) for name in ("_build", "_build_unknown"))

    patch.setattr(Rule, "compile", compiled)


def share_statements(engine: Engine) -> Engine:
    """Let an engine use the dialect and the compiled statements of the worker's first one of its kind."""
    if engine.dialect.name not in _engines:
        with engine.connect():  # which is when a dialect learns what the database can do
            _engines[engine.dialect.name] = engine
        if engine._compiled_cache is not None:
            engine._compiled_cache.capacity = _STATEMENTS  # type: ignore[union-attr]
    first = _engines[engine.dialect.name]
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine


def wait_for_no_disk(engine: Engine) -> None:
    """Let SQLite go on before the disk has written. PostgreSQL's databases are lent so (`databases.py`)."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA synchronous=OFF").close())


def write_files_without_waiting(patch: pytest.MonkeyPatch) -> None:
    """Let files be written when the machine comes to it."""
    patch.setattr(os, "fsync", lambda _descriptor: None)


def keep_bodies_in_memory(patch: pytest.MonkeyPatch) -> None:
    """Werkzeug's client writes bodies over 500 kB to files that nothing closes: a later test would be blamed."""
    patch.setattr("werkzeug.test.stream_encode_multipart", partial(stream_encode_multipart, use_tempfile=False))
