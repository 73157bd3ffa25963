"""Sealing the files of backups with a passphrase: AES-256-GCM in chunks whose order and end are authenticated.

A folder of backups has one random key. It lies there wrapped by a key that PBKDF2 makes of the passphrase, so the
passphrase is stretched once and not for each file. Every file has a key of its own (HKDF of the folder's key, a random
salt and what the file is), so that no two files share nonces and none can be put in the place of another. Contents are
named by a keyed hash: who holds the folder and a document cannot tell whether that document is among them.

The methods are those that NIST approves (SP 800-38D, 800-132, 800-56C), as 3.13.11 asks for CUI; whether the library
is a validated module is the operator's to see to. The chunks are the STREAM construction (Hoang, Reyhanitabar, Rogaway,
Vizár 2015): the nonce is the chunk's number and whether it is the last.
"""

import hashlib
import hmac
import io
import json
import secrets
from typing import Any, BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cmmc_tracker.errors import Conflict

FORMAT = 1  # of the key file and of sealed files; a program reads this and older ones
_ITERATIONS = 1_000_000  # of PBKDF2-HMAC-SHA-256: about half a second, once a command
_MOST_ITERATIONS = 100_000_000  # a key file that asks for more was made to hold us up
_MAGIC = b"CMMCSEAL"
_SALT = 32
_HEAD = len(_MAGIC) + 1 + _SALT
_CHUNK = 262_144
_TAG = 16
_NEWER = "It was encrypted by a newer version of the tracker than this one; use that version."
_WRONG = "The passphrase is not the one that these backups were encrypted with."
_UNREADABLE = "The key file of these backups was altered or cannot be read; bring it back from another copy."


class Writer(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> Any:
        """Add bytes."""


class Seal:
    """The key of one folder of backups, and what is done with it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._names = self._derived(b"", b"names")

    @classmethod
    def made(cls, passphrase: str) -> tuple["Seal", bytes]:
        """A new key, and the key file that gives it to who knows the passphrase."""
        key, salt, nonce = secrets.token_bytes(32), secrets.token_bytes(16), secrets.token_bytes(12)
        wrapped = AESGCM(_stretched(passphrase, salt, _ITERATIONS)).encrypt(nonce, key, _MAGIC)
        content: dict[str, Any] = {
            "format": FORMAT,
            "cipher": "AES-256-GCM",
            "kdf": "PBKDF2-HMAC-SHA-256",
            "iterations": _ITERATIONS,
            "salt": salt.hex(),
            "key": (nonce + wrapped).hex(),
        }
        return cls(key), json.dumps({**content, "check": _check(content)}, indent=1).encode() + b"\n"

    @classmethod
    def opened(cls, passphrase: str, text: bytes) -> "Seal":
        """The key that a key file holds; raises `Conflict` for another passphrase, an altered file, a newer version."""
        try:
            found = json.loads(text)
            if isinstance(found["format"], int) and found["format"] > FORMAT:
                raise Conflict(_NEWER)
            check = found.pop("check")
            salt, wrapped = bytes.fromhex(found["salt"]), bytes.fromhex(found["key"])
            rounds = int(found["iterations"])
            whole = check == _check(found) and 0 < rounds <= _MOST_ITERATIONS
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Conflict(_UNREADABLE) from None
        if not whole:
            raise Conflict(_UNREADABLE)
        try:
            return cls(AESGCM(_stretched(passphrase, salt, rounds)).decrypt(wrapped[:12], wrapped[12:], _MAGIC))
        except (InvalidTag, ValueError):
            raise Conflict(_WRONG) from None

    def _derived(self, salt: bytes, info: bytes) -> bytes:
        return HKDF(SHA256(), 32, salt, info).derive(self._key)

    def name(self, sha256: str) -> str:
        """What a content is called in the folder, in hex."""
        return hmac.new(self._names, sha256.encode(), "sha256").hexdigest()

    @staticmethod
    def size(plain: int) -> int:
        """How many bytes a file of `plain` bytes has when it is sealed."""
        return _HEAD + plain + _TAG * max(1, -(-plain // _CHUNK))

    def writer(self, what: str, target: Writer) -> "Sealing":
        """Seals what is written to it into `target`; `what` says which file it is, and is authenticated."""
        salt = secrets.token_bytes(_SALT)
        return Sealing(self._cipher(what, salt), _MAGIC + bytes([FORMAT]) + salt, target)

    def reader(self, what: str, source: BinaryIO) -> BinaryIO:
        """The bytes of a sealed file; reading raises `Conflict` where it was cut, altered or is another file."""
        head = _exactly(source, _HEAD)
        if head[: len(_MAGIC)] != _MAGIC[: len(head)]:
            raise Conflict("it was altered, or is not encrypted")
        if len(head) > len(_MAGIC) and head[len(_MAGIC)] > FORMAT:
            raise Conflict(_NEWER)
        if len(head) < _HEAD:
            raise Conflict("it was cut short")
        salt = head[-_SALT:]
        return io.BufferedReader(_Unsealing(self._cipher(what, salt), source), _CHUNK)

    def _cipher(self, what: str, salt: bytes) -> AESGCM:
        return AESGCM(self._derived(salt, b"file:" + what.encode()))


class Sealing:
    """Writes a sealed file; without `finish` it has no end, and reads as cut short."""

    def __init__(self, cipher: AESGCM, head: bytes, target: Writer) -> None:
        self._cipher, self._target = cipher, target
        self._number, self._waiting = 0, bytearray()
        target.write(head)

    def write(self, data: bytes, /) -> int:
        """Add bytes; what may be the last chunk waits."""
        self._waiting += data
        while len(self._waiting) > _CHUNK:
            self._chunk(bytes(self._waiting[:_CHUNK]), last=False)
            del self._waiting[:_CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk."""
        self._chunk(bytes(self._waiting), last=True)

    def _chunk(self, data: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last=last), data, None))
        self._number += 1


class _Unsealing(io.RawIOBase):
    def __init__(self, cipher: AESGCM, source: BinaryIO) -> None:
        super().__init__()
        self._cipher, self._source = cipher, source
        self._number, self._plain = 0, memoryview(b"")
        self._next: bytes | None = _exactly(source, _CHUNK + _TAG)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._plain and self._next is not None:
            self._plain = memoryview(self._chunk(self._next))
        size = min(len(buffer), len(self._plain))
        buffer[:size] = self._plain[:size]
        self._plain = self._plain[size:]
        return size

    def _chunk(self, data: bytes) -> bytes:
        following = _exactly(self._source, _CHUNK + _TAG)
        plain = self._tried(data, last=not following)
        if plain is None:
            raise Conflict(self._why(data, at_end=not following))
        self._number, self._next = self._number + 1, following or None
        return plain

    def _why(self, data: bytes, *, at_end: bool) -> str:
        if at_end and len(data) < _CHUNK + _TAG:
            return "it was altered or cut short"
        # A good chunk that is not the last stands at the end: what came after it is gone.
        return "it was cut short" if at_end and self._tried(data, last=False) is not None else "it was altered"

    def _tried(self, data: bytes, *, last: bool) -> bytes | None:
        try:
            return self._cipher.decrypt(_nonce(self._number, last=last), data, None)
        except InvalidTag:
            return None

    def close(self) -> None:
        self._source.close()
        super().close()


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _exactly(source: BinaryIO, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (piece := source.read(size - len(found))):
        found += piece
    return bytes(found)


def _stretched(passphrase: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, rounds)


def _check(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
