"""The program that checks a package: ten ways to tamper with one, each found, in a folder and in a zip alike."""

import hashlib
import io
import json
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cmmc_tracker.domain.handoff.hashlog import ARTIFACTS_LOG, HASH_LOG, Row, artifacts_log, hash_log
from cmmc_tracker.reports.handoff import verify

PROGRAM = Path(verify.__file__)
ONE, TWO = "artifacts/AC/AC.L2-3.1.1/a policy.txt", "artifacts/AC/AC.L2-3.1.2/b list [2].csv"


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _logs(folder: Path, held: dict[str, bytes]) -> None:
    rows = [
        Row(_sha(path.read_bytes()), ".\\" + path.relative_to(folder).as_posix().replace("/", "\\"))
        for path in folder.rglob("*")
        if path.is_file() and "artifacts" in path.parts
    ]
    rows += [Row(_sha(content), f".\\held\\{name}") for name, content in held.items()]
    (folder / ARTIFACTS_LOG).write_bytes(artifacts_log(rows))
    (folder / HASH_LOG).write_bytes(hash_log((folder / ARTIFACTS_LOG).read_bytes()))


def _manifest(folder: Path) -> None:
    files = [
        {"path": one.relative_to(folder).as_posix(), "size": one.stat().st_size, "sha256": _sha(one.read_bytes())}
        for one in sorted(folder.rglob("*"))
        if one.is_file() and one.name != "manifest.json"
    ]
    (folder / "manifest.json").write_text(json.dumps({"files": files}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package of two artifacts, one more held elsewhere, and a document."""
    root = tmp_path / "package with a blank"
    for name, content in ((ONE, b"rules"), (TWO, b"ada,bo"), ("documents/sprs.json", b"{}")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "verify.py").write_bytes(PROGRAM.read_bytes())
    _logs(root, {"7\\drawing.dwg": b"lines"})
    _manifest(root)
    return root


def _zip(folder: Path) -> Path:
    place = folder.parent / "package.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                archive.write(one, one.relative_to(folder).as_posix())
    return place


def _run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The program alone, as a reader runs it: no package of ours, no environment."""
    command = [sys.executable, "-I", "-S", "-B", str(folder / "verify.py"), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd="/")


def test_an_intact_package_is_found_intact_in_its_folder_and_as_a_zip(folder: Path) -> None:
    ran = _run(folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "1 held elsewhere, not checked here.",
        "INTACT: 6 files checked, nothing missing, added or changed.",
    ]
    assert verify.look(str(_zip(folder))).problems == []
    assert _run(folder, str(_zip(folder))).returncode == 0


def test_a_manifest_of_more_values_than_one_can_have_is_not_taken_into_memory(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"files":[' + b"[]," * (verify._MOST // 2 + 1) + b"[]]}")
    assert "manifest.json is longer than one of a package can be" in verify.look(str(folder)).problems


def _change(folder: Path) -> None:
    (folder / ONE).write_bytes(b"Rules")


def _remove(folder: Path) -> None:
    (folder / ONE).unlink()


def _add(folder: Path) -> None:
    (folder / "artifacts/AC/AC.L2-3.1.1/c more.txt").write_bytes(b"more")


def _swap(folder: Path) -> None:
    one, two = (folder / ONE).read_bytes(), (folder / TWO).read_bytes()
    (folder / ONE).write_bytes(two)
    (folder / TWO).write_bytes(one)


def _rename(folder: Path) -> None:
    (folder / ONE).rename(folder / "artifacts/AC/AC.L2-3.1.1/A policy.txt")


def _edit_log(folder: Path) -> None:
    log = (folder / ARTIFACTS_LOG).read_bytes()
    (folder / ARTIFACTS_LOG).write_bytes(log.replace(b"policy", b"polici"))


def _new_file_and_log(folder: Path) -> None:
    _change(folder)
    _logs(folder, {"7\\drawing.dwg": b"lines"})


def _new_file_and_manifest(folder: Path) -> None:
    _change(folder)
    _manifest(folder)


def _document(folder: Path) -> None:
    (folder / "documents/sprs.json").write_bytes(b'{"score": 110}')


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def _no_log(folder: Path) -> None:
    (folder / HASH_LOG).unlink()


TAMPERING = {
    "changed": (_change, ONE),
    "removed": (_remove, ONE),
    "added": (_add, "c more.txt"),
    "two swapped": (_swap, TWO),
    "renamed in case": (_rename, "A policy.txt"),
    "log edited": (_edit_log, ARTIFACTS_LOG),
    "file and logs made anew": (_new_file_and_log, ONE),
    "file and manifest made anew": (_new_file_and_manifest, ONE),
    "document changed": (_document, "documents/sprs.json"),
    "manifest is none": (_no_manifest, "manifest.json"),
    "second log gone": (_no_log, HASH_LOG),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_a_package_that_was_tampered_with_is_found_and_the_file_named(folder: Path, name: str) -> None:
    tamper, named = TAMPERING[name]
    tamper(folder)
    ran = _run(folder)
    assert ran.returncode == 1
    assert named in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("NOT INTACT: ")
    as_zip = verify.look(str(_zip(folder)))
    assert sorted(as_zip.problems) == sorted(verify.look(str(folder)).problems)


def test_who_made_everything_anew_is_found_by_the_hash_that_was_reported(folder: Path) -> None:
    reported = _sha((folder / ARTIFACTS_LOG).read_bytes())
    assert _run(folder, "--log-hash", reported.upper()).returncode == 0
    _new_file_and_log(folder)
    _manifest(folder)
    assert _run(folder).returncode == 0
    ran = _run(folder, "--log-hash", reported)
    assert ran.returncode == 1
    assert "not the hash that was reported" in ran.stdout


def test_who_made_the_documents_and_every_list_anew_is_found_by_the_hash_of_the_manifest(folder: Path) -> None:
    log = _sha((folder / ARTIFACTS_LOG).read_bytes())
    reported = _sha((folder / "manifest.json").read_bytes())
    assert _run(folder, "--manifest-hash", reported.upper()).returncode == 0
    _document(folder)
    _manifest(folder)
    assert _run(folder, "--log-hash", log).returncode == 0  # that speaks for the artifacts alone
    ran = _run(folder, "--manifest-hash", reported)
    assert ran.returncode == 1
    assert "manifest.json has not the hash that was reported" in ran.stdout
    assert (
        verify.look(str(_zip(folder)), "", "", reported).problems == verify.look(str(folder), "", "", reported).problems
    )


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda data: data[:-30], "cannot be opened"),
        (lambda data: data[: len(data) // 2], "cannot be opened"),
        (lambda data: data + b"more", "before or behind"),
        (lambda data: b"MZ" + data, "before or behind"),
        (lambda data: b"", "cannot be opened"),
        (lambda data: b"no zip at all", "cannot be opened"),
        (lambda data: data.replace(b"ada,bo", b"ada,bO", 1), TWO),
    ],
    ids=["cut at the end", "cut in half", "padded", "something before", "empty", "no zip", "bits turned"],
)
def test_a_download_that_was_cut_padded_or_damaged_is_found(
    folder: Path, harm: Callable[[bytes], bytes], said: str
) -> None:
    place = _zip(folder)
    place.write_bytes(harm(place.read_bytes()))
    ran = _run(folder, str(place))
    assert ran.returncode == 1
    assert said in ran.stdout


def test_a_name_twice_a_link_and_a_way_out_of_the_zip_are_found(folder: Path) -> None:
    place = _zip(folder)
    link = zipfile.ZipInfo("artifacts/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(place, "a") as archive:
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(ONE, b"other")
        archive.writestr("../../out", b"x")
        archive.writestr(link, b"/etc/passwd")
    problems = "\n".join(verify.look(str(place)).problems)
    assert "is there twice" in problems
    assert "leads out of the package" in problems
    assert "is a link" in problems


def test_a_link_in_the_folder_is_a_problem_and_is_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "inside").write_bytes(b"x")
    (folder / "artifacts/elsewhere").symlink_to(secret)
    ran = _run(folder)
    assert ran.returncode == 1
    assert "artifacts/elsewhere is no plain file" in ran.stdout
    assert "inside" not in ran.stdout


def test_evidence_that_is_held_elsewhere_is_checked_where_its_folder_is_given(folder: Path, tmp_path: Path) -> None:
    enclave = tmp_path / "enclave"
    (enclave / "7").mkdir(parents=True)
    (enclave / "7/drawing.dwg").write_bytes(b"lines")
    assert _run(folder, "--held", str(enclave)).stdout.startswith("INTACT: 7 files")
    (enclave / "7/drawing.dwg").write_bytes(b"lies")
    assert "was changed" in _run(folder, "--held", str(enclave)).stdout
    (enclave / "7/drawing.dwg").unlink()
    assert _run(folder, "--held", str(enclave)).returncode == 1


def test_a_log_that_leads_out_of_the_package_is_refused_and_nothing_there_is_read(folder: Path) -> None:
    rows = [Row("0" * 64, ".\\artifacts\\..\\..\\secret"), Row("0" * 64, "C:\\secret"), Row("0" * 64, ".\\verify.py")]
    (folder / ARTIFACTS_LOG).write_bytes(artifacts_log(rows))
    problems = [one for one in verify.look(str(folder)).problems if "no artifact of the package" in one]
    assert len(problems) == 3


@pytest.mark.parametrize("wrong", [["--log-hash", "12"], ["--manifest-hash", "x"], ["--nonsense"], ["a", "b"]])
def test_wrong_use_is_told_apart_from_a_broken_package(folder: Path, wrong: list[str]) -> None:
    assert _run(folder, *wrong).returncode == 2


def test_a_place_that_is_not_there_is_said(folder: Path) -> None:
    ran = _run(folder, str(folder / "nothing"))
    assert (ran.returncode, ran.stdout.split(":")[0]) == (1, "NOT INTACT")


def test_the_program_keeps_to_what_python_38_knows() -> None:
    import ast

    ast.parse(PROGRAM.read_text(), feature_version=(3, 8))
    assert "from __future__ import annotations" in PROGRAM.read_text()


# What one program unpacks and another does not see


def _entry(name: str, content: bytes) -> bytes:
    """A file as it lies in a zip, without its line in the directory."""
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(name, content)
    return place.getvalue()[: archive.start_dir]


def test_a_file_between_the_files_that_no_directory_names_is_found(folder: Path) -> None:
    place = folder.parent / "package.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for one in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(one, one.relative_to(folder).as_posix())
            if one.name.startswith("a policy"):
                hidden = _entry("artifacts/AC/AC.L2-3.1.1/hidden.txt", b"x" * 40)
                archive.fp.write(hidden)  # type: ignore[union-attr]
                archive.start_dir = archive.fp.tell()  # type: ignore[union-attr]
    assert zipfile.ZipFile(place).testzip() is None
    (problem,) = verify.look(str(place)).problems
    assert "belong to no file" in problem


def test_a_file_with_another_name_for_some_programs_is_found(folder: Path) -> None:
    place = folder.parent / "package.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for one in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(one.relative_to(folder).as_posix())
            if one.name.startswith("a policy"):
                other = b"\x01" + struct.pack("<L", zlib.crc32(info.filename.encode())) + b"README.html"
                info.extra = struct.pack("<HH", 0x7075, len(other)) + other
            archive.writestr(info, one.read_bytes())
    assert any("another name for some programs" in one for one in verify.look(str(place)).problems)


def _head(place: Path, name: str) -> int:
    """Where a file begins in a zip, as its directory says."""
    with zipfile.ZipFile(place) as archive:
        return archive.getinfo(name).header_offset


@pytest.mark.parametrize(
    ("at", "other"),
    [
        pytest.param(6, struct.pack("<H", 1), id="locked"),
        pytest.param(6, struct.pack("<H", 8) + struct.pack("<HLLLL", 0, 0, 0, 0, 3), id="shorter, told behind it"),
        pytest.param(8, struct.pack("<H", 8), id="packed"),
        pytest.param(14, struct.pack("<L", 7), id="checksum"),
        pytest.param(18, struct.pack("<L", 3), id="packed length"),
        pytest.param(22, struct.pack("<L", 3), id="length"),
        pytest.param(18, struct.pack("<L", 0xFFFFFFFF), id="a length that is nowhere"),
        pytest.param(30, b"artifacts/AC/AC.L2-3.1.1/b", id="name"),
    ],
)
def test_a_file_that_is_told_in_two_ways_is_found(folder: Path, at: int, other: bytes) -> None:
    """What goes by the directory reads what was frozen; what goes by the files' own heads unpacks something else."""
    place = _zip(folder)
    data = bytearray(place.read_bytes())
    head = _head(place, ONE) + at
    data[head : head + len(other)] = other
    place.write_bytes(data)
    assert any("some programs" in one or "cannot be read" in one for one in verify.look(str(place)).problems)


@pytest.mark.parametrize("how", ["zip64", "lengths behind the files", "both", "packed"])
def test_a_package_that_was_zipped_anew_in_another_way_is_intact(folder: Path, how: str) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_where: int) -> int:
            raise io.UnsupportedOperation

    target = Pipe() if how in {"lengths behind the files", "both"} else io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED if how == "packed" else zipfile.ZIP_STORED) as archive:
        for one in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = one.relative_to(folder).as_posix()
            with archive.open(name, "w", force_zip64=how in {"zip64", "both"}) as member:
                member.write(one.read_bytes())
    place = folder.parent / "anew.zip"
    place.write_bytes(target.getvalue())
    assert verify.look(str(place)).problems == []


@pytest.mark.parametrize(
    "name",
    [
        ONE.replace("artifacts", "Artifacts", 1),
        ONE.replace("a policy", "A policy"),
        f"ARTIFACTS{ONE[9:]} more.txt",
        f"{ONE}.",
        "artifacts /AC/new.txt",
        "documents/sprs.json\u200b",
    ],
)
def test_a_name_that_becomes_another_file_s_where_it_is_unpacked_is_found(folder: Path, name: str) -> None:
    """The manifest names it, the log is the one that was reported: only the name tells."""
    reported = _sha((folder / ARTIFACTS_LOG).read_bytes())
    files = json.loads((folder / "manifest.json").read_text())["files"]
    extra = {"path": name, "size": 5, "sha256": _sha(b"other")}
    files += [extra]
    (folder / "manifest.json").write_text(json.dumps({"files": files}))
    place = _zip(folder)
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr(name, b"other")
    assert verify.look(str(place), reported).problems
    assert _run(folder, str(place), "--log-hash", reported).returncode == 1


def test_what_is_added_in_a_folder_of_compiled_python_is_found(folder: Path) -> None:
    (folder / "artifacts/AC/__pycache__").mkdir()
    (folder / "artifacts/AC/__pycache__/more.txt").write_bytes(b"more")
    assert "more.txt was added" in _run(folder).stdout


def test_a_package_in_a_folder_of_compiled_python_is_intact(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    assert _run(folder.rename(tmp_path / "__pycache__" / "package")).returncode == 0


def test_a_name_cannot_pose_as_the_verdict(folder: Path) -> None:
    place = _zip(folder)
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr("x\nINTACT: 6 files checked\x1b[8m", b"x")
    ran = _run(folder, str(place))
    assert ran.returncode == 1
    assert "\nINTACT" not in ran.stdout
    assert "\x1b" not in ran.stdout


def test_a_manifest_that_names_a_file_twice_is_none(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    (folder / "manifest.json").write_text(json.dumps({"files": [{**files[0], "sha256": "0" * 64}, *files]}))
    assert "manifest.json is no manifest of a package" in _run(folder).stdout


def test_a_bomb_is_refused_without_unpacking_it(folder: Path) -> None:
    place = folder.parent / "package.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"):
            name = one.relative_to(folder).as_posix()
            archive.writestr(name, b"\0" * 50_000_000 if name == ONE else one.read_bytes())
        archive.write(folder / "manifest.json", "manifest.json")
    began = time.process_time()
    assert f"{ONE} was changed: it is not the file that was frozen" in verify.look(str(place)).problems
    assert time.process_time() - began < 1
