#!/usr/bin/env python3
"""Checks a package of CMMC evidence: complete, nothing added, nothing changed.

    python3 verify.py [FOLDER or PACKAGE.zip] [--log-hash HASH] [--manifest-hash HASH] [--held FOLDER]

Needs Python 3.8 or newer and nothing else, on any system, without a network. Without a folder it checks the one that
it lies in. --log-hash takes the SHA-256 of CMMCAssessmentArtifacts.log as it was reported elsewhere, for instance to
the CMMC eMASS: only that finds somebody who made the artifacts and every list of them anew. It speaks for the artifacts
alone; --manifest-hash takes the SHA-256 of manifest.json, and speaks for README.html and what lies in documents/, too.
--held takes the folder of evidence that is held elsewhere, laid out as the log names it.

Exit status: 0 intact, 1 not intact, 2 wrong use.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

ARTIFACTS_LOG = "CMMCAssessmentArtifacts.log"
HASH_LOG = "CMMCAssessmentLogHash.log"
MANIFEST = "manifest.json"
_ROW = re.compile(r"^SHA256\s+([0-9A-Fa-f]{64})\s+(\S.*?)\s*$")
_PIECE = 1 << 20
_LONGEST, _MOST = 1 << 28, 5000000  # bytes, and lists and commas, of a log or a manifest: more is none
_FOLDERS = ("artifacts", "documents")
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")  # a part of a path as the tracker writes it
_UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, struct.error, zipfile.BadZipFile, zlib.error)
_OTHER_NAME = 0x7075  # the field of a zip that gives a file another name, for programs that look at it
_ZIP64, _WIDE = 1, 0xFFFFFFFF  # the field of lengths that do not fit, and what stands in their place
_DESCRIPTORS = (12, 16, 20, 24)  # bytes that may follow a file whose length was not known before it


class Unusable(Exception):
    """What was given is no package at all, or cannot be opened."""


class Folder:
    """A package that was unpacked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []

    def names(self) -> list[str]:
        """Every file below the root, with slashes; links and devices are problems, and are not followed."""
        found = []
        for place, folders, files in os.walk(str(self.root)):
            for name in sorted(folders + files):
                path = Path(place) / name
                mode = path.lstat().st_mode
                shown = path.relative_to(self.root).as_posix()
                if stat.S_ISDIR(mode):
                    continue
                if name in folders:
                    folders.remove(name)
                if not stat.S_ISREG(mode):
                    self.problems.append("%s is no plain file: a link or a device does not belong here" % shown)
                else:
                    found.append(shown)
        return found

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")


class Archive:
    """A package as it was downloaded."""

    def __init__(self, path: Path) -> None:
        self.problems: list[str] = []
        try:
            self.zip = zipfile.ZipFile(str(path))
        except _UNREADABLE as error:
            raise Unusable("%s cannot be opened as a package: %s" % (path, error)) from error
        self.path = path

    def names(self) -> list[str]:
        """Every file of the archive; one name twice, a link, and a name that leads outside are problems."""
        found = {}
        for info in self.zip.infolist():
            name = info.orig_filename
            if stat.S_ISLNK(info.external_attr >> 16):
                self.problems.append("%s is a link, which does not belong here" % name)
            elif name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
                self.problems.append("%s leads out of the package" % name)
            elif name in found:
                self.problems.append("%s is there twice" % name)
            elif "\0" in name or _OTHER_NAME in _fields(info.extra):
                self.problems.append("%s has another name for some programs" % name)
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                self.problems.append("%s is packed in a way that does not belong here" % name)
            elif not name.endswith("/"):
                found[name] = info
            elif info.file_size or info.compress_size:
                self.problems.append("%s is a folder with bytes of its own" % name)
        self.padding()
        self.gaps()
        return list(found)

    def padding(self) -> None:
        """Bytes before or behind the archive belong to nothing that was frozen."""
        size, first = self.path.stat().st_size, min([info.header_offset for info in self.zip.infolist()] or [0])
        with self.path.open("rb") as file:
            file.seek(max(0, size - 22))
            closing = file.read(22)
        if first != 0 or closing[:4] != b"PK\x05\x06" or closing[20:] != b"\0\0" or self.zip.start_dir > size:
            self.problems.append("the zip file has bytes before or behind what was frozen")

    def gaps(self) -> None:
        """Some programs unpack what lies between the files, or go by what stands before a file, not by the list."""
        infos = sorted(self.zip.infolist(), key=lambda info: info.header_offset)
        ends = [info.header_offset for info in infos[1:]] + [self.zip.start_dir]
        with self.path.open("rb") as file:
            for number, info in enumerate(infos):
                file.seek(info.header_offset)
                flags, method, crc, packed, size, name, more = struct.unpack("<6xHH4xLLLHH", file.read(30))
                named = file.read(name) == info.orig_filename.encode()
                extra = file.read(more)
                over = ends[number] - info.header_offset - 30 - name - more - info.compress_size
                if over and not (flags & 8 and over in _DESCRIPTORS):
                    self.problems.append("the zip file has bytes behind %s that belong to no file" % info.orig_filename)
                elif _OTHER_NAME in _fields(extra):
                    self.problems.append("%s has another name for some programs" % info.orig_filename)
                elif not (named and _same(info, flags & 9, method, (crc, packed, size), extra)):
                    self.problems.append("%s is another file for some programs" % info.orig_filename)

    def open(self, name: str) -> IO[bytes]:
        return self.zip.open(name)


def _same(info: zipfile.ZipInfo, flags: int, method: int, told: tuple[int, int, int], extra: bytes) -> bool:
    """Whether the way of packing, checksum and lengths before a file are the directory's; 0 where they follow it."""
    crc, packed, size = told
    wide = _fields(extra).get(_ZIP64, b"")
    if _WIDE in (packed, size) and len(wide) >= 16:
        size, packed = struct.unpack("<QQ", wide[:16])
    later = (0,) if flags & 8 else ()
    pairs = ((crc, info.CRC), (packed, info.compress_size), (size, info.file_size))
    is_told = all(one in (there, *later) for one, there in pairs)
    return is_told and not flags & 1 and method == info.compress_type


def _fields(extra: bytes) -> dict[int, bytes]:
    """What the extra fields of a file in a zip hold, by their kinds; one that stands twice may be read as either."""
    found: dict[int, bytes] = {}
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        found[_OTHER_NAME if kind in found else kind] = extra[4 : 4 + size]
        extra = extra[4 + size :]
    return found


def digest(file: IO[bytes], most: int | None = None) -> tuple[str, int]:
    """SHA-256 of an open file, and its size in bytes; of one that is longer than `most`, of a part."""
    found = hashlib.sha256()
    size = 0
    while (piece := file.read(_PIECE)) and (most is None or size <= most):
        found.update(piece)
        size += len(piece)
    return found.hexdigest(), size


def read_log(data: bytes) -> list[tuple[str, str]]:
    """The rows of a hash log, (hash in lower case, path with slashes); raises ValueError naming a line that is none."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    rows = []
    for number, line in enumerate(data.decode(encoding).splitlines(), 1):
        words = line.split()
        if not words or words == ["Algorithm", "Hash", "Path"] or set("".join(words)) == {"-"}:
            continue
        match = _ROW.match(line)
        if match is None:
            raise ValueError("line %d is no row" % number)
        rows.append((match.group(1).lower(), match.group(2).replace("\\", "/")))
    return rows


class Check:
    """One look at a package; `problems` has a sentence for each thing that is wrong."""

    def __init__(self, package: Folder | Archive, log_hash: str = "", held: str = "", manifest_hash: str = "") -> None:
        self.package = package
        self.log_hash = log_hash.strip().lower()
        self.manifest_hash = manifest_hash.strip().lower()
        self.held = held
        self.problems = package.problems
        self.checked = 0
        self.elsewhere = 0
        self.names: list[str] = []

    def run(self) -> list[str]:
        """Look at everything; returns the problems."""
        try:
            self.names = self.package.names()
        except _UNREADABLE as error:
            raise Unusable(str(error)) from error
        self._names()
        manifest = self._manifest()
        rows = self._logs()
        if manifest is not None:
            self._files(manifest)
        if manifest is not None and rows is not None:
            self._agree(manifest, rows)
        return self.problems

    def _names(self) -> None:
        """Every name is one that the tracker writes, and no two are one for a system that takes them for the same."""
        seen: dict[str, str] = {}
        for name in self.names:
            folded = name.lower()
            if not all(_PLAIN.fullmatch(part) and not part.endswith(".") for part in name.split("/")):
                self._say("%s is no name that a package has" % name)
            elif folded in seen:
                self._say("%s and %s are one file on some systems" % (seen[folded], name))
            elif name.split("/")[0] != folded.split("/")[0] and folded.split("/")[0] in _FOLDERS:
                self._say("%s lies in a folder of the package on some systems only" % name)
            seen[folded] = name

    def _read(self, name: str) -> bytes | None:
        if name not in self.names:
            self._say("%s is missing" % name)
            return None
        try:
            with self.package.open(name) as file:
                data = file.read(_LONGEST + 1)
        except _UNREADABLE as error:
            self._say("%s cannot be read: %s" % (name, error))
            return None
        if len(data) > _LONGEST or sum(map(data.count, (b",", b"[", b"{"))) > _MOST:
            self._say("%s is longer than one of a package can be" % name)
            return None
        return data

    def _say(self, problem: str) -> None:
        """Note a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def _manifest(self) -> dict[str, dict[str, Any]] | None:
        data = self._read(MANIFEST)
        if data is None:
            return None
        actual = hashlib.sha256(data).hexdigest()
        if self.manifest_hash and self.manifest_hash != actual:
            self._say("%s has not the hash that was reported: it has %s" % (MANIFEST, actual))
        try:
            listed = json.loads(data.decode("utf-8"))["files"]
            entries = {str(one["path"]): one for one in listed}
            sound = len(listed) == len(entries) and all(
                isinstance(one["size"], int) and re.match("^[0-9a-f]{64}$", one["sha256"]) for one in entries.values()
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            sound = False
        if not sound:
            self._say("%s is no manifest of a package" % MANIFEST)
            return None
        return entries

    def _logs(self) -> list[tuple[str, str]] | None:
        log, second = self._read(ARTIFACTS_LOG), self._read(HASH_LOG)
        if log is None or second is None:
            return None
        actual = hashlib.sha256(log).hexdigest()
        try:
            said = read_log(second)
            rows = read_log(log)
        except (ValueError, UnicodeError) as error:
            self._say("a hash log cannot be read: %s" % error)
            return None
        if [one for one, _ in said] != [actual]:
            self._say("%s is not the log that %s is of" % (ARTIFACTS_LOG, HASH_LOG))
        if self.log_hash and self.log_hash != actual:
            self._say("%s has not the hash that was reported: it has %s" % (ARTIFACTS_LOG, actual))
        return rows

    def _files(self, manifest: dict[str, dict[str, Any]]) -> None:
        """Each file that the manifest names is there as it was frozen; nothing else is."""
        for name in sorted(set(manifest) - set(self.names)):
            self._say("%s is missing" % name)
        for name in sorted(set(self.names) - set(manifest) - {MANIFEST}):
            self._say("%s was added: the manifest does not name it" % name)
        for name in sorted(set(self.names) & set(manifest)):
            try:
                with self.package.open(name) as file:
                    found, size = digest(file, manifest[name]["size"])
            except _UNREADABLE as error:
                self._say("%s cannot be read: %s" % (name, error))
                continue
            self.checked += 1
            if found != manifest[name]["sha256"] or size != manifest[name]["size"]:
                self._say("%s was changed: it is not the file that was frozen" % name)

    def _agree(self, manifest: dict[str, dict[str, Any]], rows: list[tuple[str, str]]) -> None:
        """The log and the manifest name the same artifacts with the same hashes."""
        logged = {}
        for sha256, path in rows:
            name = path[2:] if path.startswith("./") else path
            if name.startswith("held/"):
                self._held(sha256, name)
            elif name.startswith("/") or ":" in name or ".." in name.split("/") or not name.startswith("artifacts/"):
                self._say("the log names %s, which is no artifact of the package" % path)
            else:
                logged[name] = sha256
        listed = {name for name in manifest if name.startswith("artifacts/")}
        for name in sorted(set(logged) - listed):
            self._say("the log names %s, and the manifest does not" % name)
        for name in sorted(listed - set(logged)):
            self._say("the log does not name %s" % name)
        for name in sorted(listed & set(logged)):
            if logged[name] != manifest[name]["sha256"]:
                self._say("the log and the manifest have different hashes of %s" % name)

    def _held(self, sha256: str, name: str) -> None:
        if not self.held:
            self.elsewhere += 1
            return
        path = Path(self.held).joinpath(*name.split("/")[1:])
        if ".." in name.split("/"):
            self._say("the log names %s, which leads out of its folder" % name)
            return
        try:
            with path.open("rb") as file:
                found = digest(file)[0]
        except OSError:
            self._say("%s is not below the folder of what is held elsewhere" % name)
            return
        self.checked += 1
        if found != sha256:
            self._say("%s was changed: it is not the file that was registered" % name)


def is_hash(text: str) -> bool:
    """Whether a text is a SHA-256, in either case, blanks around it apart."""
    return re.match("^[0-9A-Fa-f]{64}$", text.strip()) is not None


def look(place: str, log_hash: str = "", held: str = "", manifest_hash: str = "") -> Check:
    """Check the package at a place, a folder or a zip file; returns the `Check`. Raises `Unusable`."""
    path = Path(place)
    if not (path.is_dir() or path.is_file()):
        raise Unusable("there is no %s" % path)
    package: Folder | Archive = Folder(path) if path.is_dir() else Archive(path)
    check = Check(package, log_hash, held, manifest_hash)
    check.run()
    return check


def told(check: Check) -> list[str]:
    """The result in plain words, one problem a line, then a summary; a name of the package cannot pose as a line."""
    lines = ["PROBLEM: %s." % _shown(one) for one in check.problems]
    if check.elsewhere:
        lines.append("%d held elsewhere, not checked here." % check.elsewhere)
    if check.problems:
        count = len(check.problems)
        lines.append("NOT INTACT: %d problem%s; %d files checked." % (count, "" if count == 1 else "s", check.checked))
    else:
        lines.append("INTACT: %d files checked, nothing missing, added or changed." % check.checked)
    return lines


def _shown(text: str) -> str:
    """A text of one line that every terminal can show and none obeys."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii") for c in text)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Check a package of CMMC evidence.")
    here = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
    parser.add_argument("package", nargs="?", default=str(here), help="its folder or its zip file")
    parser.add_argument("--log-hash", default="", help="SHA-256 of %s as it was reported" % ARTIFACTS_LOG)
    parser.add_argument("--manifest-hash", default="", help="SHA-256 of %s as it was reported" % MANIFEST)
    parser.add_argument("--held", default="", help="folder of the evidence that is held elsewhere")
    given = parser.parse_args(arguments)
    for name, text in (("--log-hash", given.log_hash), ("--manifest-hash", given.manifest_hash)):
        if text and not is_hash(text):
            print("%s takes 64 hex digits." % name, file=sys.stderr)
            return 2
    try:
        check = look(given.package, given.log_hash, given.held, given.manifest_hash)
    except Unusable as error:
        print("NOT INTACT: %s." % _shown(str(error)))
        return 1
    print("\n".join(told(check)))
    return 1 if check.problems else 0


if __name__ == "__main__":
    sys.exit(main())
