"""Keeps a scanner on this machine: Python imports this file at its start when the folder is in PYTHONPATH.

Scanners would look things up outside: signatures, certificates, names. An audit hook (PEP 578) sees every name that is
asked for and every connection before it is made, and refuses what is not the loopback. Each refusal is written as one
line into the file that ATTACK_REFUSED names, so that the report can say what was tried.
"""

from __future__ import annotations

import errno
import functools
import ipaddress
import os
import socket
import sqlite3
import sys

_LOCAL_NAMES = {"", "localhost", "ip6-localhost"}


def is_loopback(host: object) -> bool:
    """Whether a host's name or address is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower().rstrip(".") in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def _host_of(event: str, args: tuple[object, ...]) -> object:
    """The host that an event is about; None for what goes nowhere, such as a Unix socket."""
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        return args[0]
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and isinstance(args[1], tuple):
        return args[1][0]
    return None


def _watch(event: str, args: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    host = _host_of(event, args)
    if is_loopback(host):
        return
    kept = os.environ.get("ATTACK_REFUSED")
    if kept:
        with open(kept, "a", encoding="utf-8") as file:  # noqa: PTH123 - as little as possible is imported in here
            file.write(f"{event} {str(host)[:200]!r}\n")
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        raise socket.gaierror(socket.EAI_NONAME, "kept on the loopback")
    raise OSError(errno.ENETUNREACH, "kept on the loopback")


if "ATTACK_REFUSED" in os.environ:
    sys.addaudithook(_watch)
    # Wapiti waits five seconds for its own database; on a busy machine it would then give up the whole scan.
    sqlite3.connect = functools.partial(sqlite3.connect, timeout=120)  # type: ignore[assignment] # one of its ways
