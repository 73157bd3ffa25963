"""What is given to others: a wheel with everything inside and the same bytes each time, licences that may be."""

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
from tools import licences, sbom, wheel

from tests.test_commands import ROOT, clone


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two wheels of two copies of the project, in folders of different names, copied at different times and modes."""
    made = []
    for name, mode in (("one", 0o755), ("another folder", 0o700)):
        base = tmp_path_factory.mktemp("copy")
        tree = clone(base / name)
        for number, path in enumerate(sorted(tree.rglob("*.py"))):
            path.chmod(mode)
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number * len(name)))
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000", "TZ": f"Etc/GMT-{len(name)}"}
        command = [sys.executable, str(tree / "tools/wheel.py"), str(base / "out")]
        subprocess.run(command, env=environment, check=True, capture_output=True, cwd=base)
        made += (base / "out").iterdir()
    return made


def test_two_builds_from_two_folders_give_the_same_bytes(wheels: list[Path]) -> None:
    assert len(wheels) == 2
    assert wheels[0].name == wheels[1].name
    assert len({hashlib.sha256(one.read_bytes()).hexdigest() for one in wheels}) == 1


def test_everything_that_the_product_needs_is_inside_and_nothing_of_the_machine(wheels: list[Path]) -> None:
    with zipfile.ZipFile(wheels[0]) as opened:
        names = opened.namelist()
        assert opened.testzip() is None
        metadata = opened.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
    for needed in (
        "cmmc_tracker/web/base.html",
        "cmmc_tracker/web/static/app.css",
        "cmmc_tracker/domain/data/level2.json",
        "cmmc_tracker/storage/migrations/versions/0001_first_schema.py",
        "cmmc_tracker/storage/migrations/env.py",
        "cmmc_tracker/reports/handoff/verify.py",
    ):
        assert needed in names
    assert any(n.endswith("entry_points.txt") for n in names)
    assert any("LICENSE" in n for n in names)
    assert not [n for n in names if "__pycache__" in n or n.endswith(".pyc") or n.startswith(("tests", "tools"))]
    assert "Requires-Dist: flask" in metadata
    assert wheel.missing(ROOT, wheels[0]) == []


def test_a_wheel_that_lacks_a_file_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheels: list[Path]
) -> None:
    def lacking(folder: str) -> str:
        with zipfile.ZipFile(wheels[0]) as whole, zipfile.ZipFile(Path(folder) / "x.whl", "w") as part:
            for name in whole.namelist():
                if not name.endswith("app.css"):
                    part.writestr(name, whole.read(name))
        return "x.whl"

    monkeypatch.setattr(wheel.buildapi, "build_wheel", lacking)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    with pytest.raises(SystemExit, match=r"lacks 1 files.*app\.css"):
        wheel.build(ROOT, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_installed_wheel_runs_without_the_source(wheels: list[Path], tmp_path: Path) -> None:
    """Installed into an environment of its own, which takes the libraries of this one; nothing is fetched."""
    place = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(place)]
    subprocess.run([*install, str(wheels[0])], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(place), "CMMC_DATA_DIR": str(tmp_path / "data")}
    told = "import cmmc_tracker, sys; print(cmmc_tracker.__file__)"
    where = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(place))
    command = [str(shutil.which("env")), sys.executable, str(place / "bin" / "cmmc-tracker")]
    done = subprocess.run(
        [*command, "score", "--json"], env=environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"level": 2' in done.stdout
    with subprocess.Popen(
        [*command, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as server:
        try:
            assert server.stdout is not None
            link = next(line.strip() for line in server.stdout if "/setup/" in line)
            site = link.partition("/setup/")[0]
            pages = {page: _read(page) for page in (f"{site}/healthz", link, f"{site}/static/app.css")}
        finally:
            server.terminate()
    assert server.returncode == 0
    assert b'name="password_repeat"' in pages[link]
    assert all(pages.values())


def _read(page: str) -> bytes:
    with urllib.request.urlopen(page, timeout=10) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("Apache-2.0 AND BSD-2-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("(GPL-3.0-only OR MIT) AND ISC", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("SSPL-1.0", False),
        ("(MIT", False),
        ("MIT MIT", False),
        ("not said", False),
        ("", False),
    ],
)
def test_a_licence_that_would_reach_over_or_that_nobody_knows_may_not_be(expression: str, good: bool) -> None:
    assert licences.may_be(expression) is good


def test_every_dependency_of_the_lock_that_is_installed_has_a_licence_that_may_be() -> None:
    found = licences.listed(licences.locked())
    assert len(found) > 30
    assert [one for one in found if not one.may_be] == []


def test_the_bill_of_materials_holds_what_the_product_runs_on_and_no_tool_of_its_makers() -> None:
    def part(name: str) -> dict[str, object]:
        return {"name": name, "bom-ref": f"{name}==1", "externalReferences": [{"type": "website", "url": "https://x"}]}

    bill = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [part("Flask"), part("pytest"), part("typing_extensions")],
        "dependencies": [
            {"ref": "root", "dependsOn": ["Flask==1", "pytest==1"]},
            {"ref": "Flask==1"},
            {"ref": "pytest==1", "dependsOn": ["Flask==1"]},
        ],
    }
    found = sbom.only(bill, ["flask", "typing-extensions"])
    assert [one["name"] for one in found["components"]] == ["Flask", "typing_extensions"]
    assert found["dependencies"] == [{"ref": "root", "dependsOn": ["Flask==1"]}, {"ref": "Flask==1"}]
