"""What a name and its folders say: read as people write it, and never guessed at."""

import time
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.artifacts import LONGEST_TITLE, parse_facts
from cmmc_tracker.domain.catalog import load, parse_objective_id
from cmmc_tracker.domain.filing import (
    LONGEST_ORIGIN,
    LONGEST_PATH,
    Filed,
    is_system_file,
    named_in,
    origin_of,
    recognise,
)
from cmmc_tracker.domain.text import is_visible

IDS = [o.id for r in load(2).requirements for o in r.objectives]
_TODAY = date(2026, 11, 25)
NOTHING = "nothing in its name or folders names an objective"


def objectives(path: str) -> list[str]:
    return [str(one)[6:] for one in recognise(path).objectives]


def requirements(path: str) -> list[str]:
    return [one[6:] for one in recognise(path).requirements]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("AC.L2-3.1.1[a] Firewall rules.png", "3.1.1[a]"),
        ("ac.l2-3.1.1[A].png", "3.1.1[a]"),
        ("AC.L1-3.1.1[a].png", "3.1.1[a]"),
        ("L2-3.1.1[a].png", "3.1.1[a]"),
        ("03.01.01a.docx", "3.1.1[a]"),
        ("AC.L2-03.01.01(a).docx", "3.1.1[a]"),
        ("IA-3.5.3(a) proof.png", "3.5.3[a]"),
        ("IA_3.5.3_a_proof.png", "3.5.3[a]"),
        ("IA 3.5.3 (a) proof.png", "3.5.3[a]"),
        ("IA3.5.3a proof.png", "3.5.3[a]"),
        ("AC_L2-3_1_1_a_.png", "3.1.1[a]"),
        ("AC-3-1-1-a.png", "3.1.1[a]"),
        ("3.1.1.a.png", "3.1.1[a]"),
        ("3.1.1-a firewall.png", "3.1.1[a]"),
        ("3.1.1a_firewall.png", "3.1.1[a]"),
        ("3.1.1 [ a ] firewall.png", "3.1.1[a]"),
        ("firewall (3.1.1[a]).png", "3.1.1[a]"),
        ("firewall_3.1.1[a]", "3.1.1[a]"),
        ("NIST 800-171 3.1.1[a].pdf", "3.1.1[a]"),
        ("NIST 800-171r2-3.1.1[a].pdf", "3.1.1[a]"),
        ("evidence\\3.5.3 [b],[c] MFA.pdf", "3.5.3[b] 3.5.3[c]"),
        ("3.5.3[b][c].pdf", "3.5.3[b] 3.5.3[c]"),
        ("3.5.3[b, c].pdf", "3.5.3[b] 3.5.3[c]"),
        ("3.5.3[b] and [c].pdf", "3.5.3[b] 3.5.3[c]"),
        ("3.5.3b,c.pdf", "3.5.3[b] 3.5.3[c]"),
        ("3.1.1a-d.png", "3.1.1[a] 3.1.1[b] 3.1.1[c] 3.1.1[d]"),
        ("3.1.1[a-d].png", "3.1.1[a] 3.1.1[b] 3.1.1[c] 3.1.1[d]"),
        ("3.1.1[a]-[c].png", "3.1.1[a] 3.1.1[b] 3.1.1[c]"),
        ("3.1.1[a] to [c].png", "3.1.1[a] 3.1.1[b] 3.1.1[c]"),
        ("3.1.1[b] 3.1.2[a] 3.1.1[b].png", "3.1.1[b] 3.1.2[a]"),
        ("3.1.1a - Firewall.png", "3.1.1[a]"),
        ("3.4.4 impact.docx", "3.4.4[a]"),
        ("3.1.1/[b] accounts.pdf", "3.1.1[b]"),
        ("3.1.1/b/accounts.pdf", "3.1.1[b]"),
        ("3.1.1/(b)/accounts.pdf", "3.1.1[b]"),
        ("3.1.1/b.pdf", "3.1.1[b]"),
        ("3.1.1/a-c/x.pdf", "3.1.1[a] 3.1.1[b] 3.1.1[c]"),
        ("3.1.1[a]/3.1.1 firewall.png", "3.1.1[a]"),
        ("3.1.1[a]/3.1.1[b] firewall.png", "3.1.1[b]"),
        ("3.1.1[a]/old/firewall.png", "3.1.1[a]"),
        ("3.1.1/3.1.2/3.1.2[b] x.png", "3.1.2[b]"),
        ("3.1.1[a], 3.1.1 firewall.png", "3.1.1[a]"),
        ("3.1.1[a][z].png", "3.1.1[a]"),
    ],
)
def test_objectives_are_read_as_people_file_them(path: str, found: str) -> None:
    assert " ".join(objectives(path)) == found
    assert requirements(path) == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("3.1.1/firewall.png", "3.1.1"),
        ("C:\\Users\\kim\\evidence\\3.1.1\\firewall.png", "3.1.1"),
        ("3.1.1 - Authorized access/2026/firewall.png", "3.1.1"),
        ("3.1.1.png", "3.1.1"),
        ("03.01.01 users.xlsx", "3.1.1"),
        ("3.1.1, 3.1.2 and 3.1.5 review.pdf", "3.1.1 3.1.2 3.1.5"),
        ("3.1.1_3.1.2.pdf", "3.1.1 3.1.2"),
        ("3.1.1/3.5.3 MFA.png", "3.5.3"),
        ("3.5.3/3.1.1/MFA.png", "3.1.1"),
        ("AC.L2-3.1.1/AC.L2-3.1.2.pdf", "3.1.2"),
        ("Look at 3.1.1 now.png", "3.1.1"),
        ("3.1.1 A picture of rules.png", "3.1.1"),
        ("3.1.1 v2.png", "3.1.1"),
        ("3.1.1_v2.png", "3.1.1"),
        ("3.1.22.png", "3.1.22"),
        ("3.1.1/3.99.1 x.png", "3.1.1"),
    ],
)
def test_requirements_without_a_letter_are_given_as_such(path: str, found: str) -> None:
    assert " ".join(requirements(path)) == found
    assert objectives(path) == []


@pytest.mark.parametrize(
    "path",
    [
        "firewall.png",
        "3.99.1 x.png",
        "3.1.99.png",
        "3.0.1.png",
        "4.1.1.png",
        "3.1.1[z] x.png",
        "3.1.1z.png",
        "3.1.1aa.png",
        "3.1.1a-z.png",
        "3.1.1[f-a].png",
        "3.1.2[c].png",
        "AU-3.1.1.png",
        "AU.L2-3.1.1[a].png",
        "AC.L3-3.1.3e.pdf",
        "2026.3.1 scan.pdf",
        "2026.03.01.pdf",
        "2026.3.1.1 scan.pdf",
        "3.1.2026 scan.pdf",
        "03.11.2026 scan.pdf",
        "13.3.1 x.pdf",
        "3-1-14 scan.pdf",
        "3_1_14 scan.pdf",
        "v3.1.1 notes.pdf",
        "V 3.1.1.pdf",
        "ver. 3.1.1.pdf",
        "Version_3.1.1.pdf",
        "policy rev 3.1.1.pdf",
        "release-3.1.1.zip",
        "firmware 3.1.1.pdf",
        "OpenSSL 3.1.4.pdf",
        "python-3.11.2-amd64.log",
        "tool-3.1.1-rc1.zip",
        "tool 3.1.1 beta.zip",
        "3.1.1b2.zip",
        "10.3.1.1 scan.txt",
        "3.1.1.10 scan.txt",
        "3.1.1.1.txt",
        "192.168.3.1.txt",
        "x3.1.1.png",
        "3.1.1firewall.png",
        "３.1.1.png",
        "a/../3.1.1/../x.png",
        "",
        "..",
        "/",
        "\\\\",
        ".",
        "\0",
    ],
)
def test_nothing_is_guessed_at(path: str) -> None:
    found = recognise(path)
    assert (found.objectives, found.requirements, found.family, found.why) == ((), (), "", NOTHING)


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("AC/policy.pdf", "AC"),
        ("ac/policy.pdf", "AC"),
        ("Access Control/list.xlsx", "AC"),
        ("access_control/list.xlsx", "AC"),
        ("01 - AC - Access Control/list.xlsx", "AC"),
        ("3.1 Access Control/list.xlsx", "AC"),
        ("3.10/list.xlsx", "PE"),
        ("03.14/list.xlsx", "SI"),
        ("Identification & Authentication/x.pdf", "IA"),
        ("CMMC Evidence/AC/2026/x.pdf", "AC"),
        ("AC/IA/x.pdf", "IA"),
        ("AC/../IA/x.pdf", "IA"),
        ("Incident Response Plan.docx", "IR"),
        ("AC Policy.docx", "AC"),
        ("IR-Plan.docx", "IR"),
        ("AC/Incident Response Plan.docx", "IR"),
        ("3.1.1 and 3.1.2.png", "AC"),
        ("IA/3.1.1.png", "AC"),
        ("AC/3.1.1 and 3.5.3.png", ""),
        ("CA office/plan.pdf", ""),
        ("MA/CA office/plan.pdf", "MA"),
        ("at/x.pdf", "AT"),
        ("photo at work.jpg", ""),
        ("PS5 manual.pdf", ""),
        ("2026/x.pdf", ""),
        ("3/x.pdf", ""),
    ],
)
def test_the_family_is_of_the_identifiers_or_else_of_the_name_or_a_folder(path: str, family: str) -> None:
    assert recognise(path).family == family


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("AC.L2-3.1.1[a] Firewall rules.png", "Firewall rules"),
        ("evidence\\3.5.3 [b],[c] MFA.pdf", "MFA"),
        ("3.1.1, 3.1.2 and 3.1.5 review.pdf", "review"),
        ("3.1.1_user_list.final.xlsx", "user list.final"),
        ("firewall (3.1.1[a]).png", "firewall"),
        ("logs 3.3.1 of May.tar.gz", "logs of May"),
        ("3.1.1/[b] accounts.pdf", "accounts"),
        ("3.1.1[z] x.png", "3.1.1[z] x"),
        ("Policy v1.2", "Policy v1.2"),
        ("3.1.1[a].png", "3.1.1[a]"),
        ("  odd\u00a0\u2003 spaces \u202e.png", "odd spaces"),
        (".png", "png"),
        ("", "Untitled"),
        ("...", "Untitled"),
        ("\u200b.png", "\u200b.png"),
        ("a/b/", "b"),
    ],
)
def test_the_title_is_the_name_without_what_was_recognised(path: str, title: str) -> None:
    assert recognise(path).title == title


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("3.1.1/firewall.png", "from the folder “3.1.1”"),
        ("3.1.1/3.1.2.png", "from its name"),
        ("3.1.1[a]/3.1.1.png", "from its name and the folder “3.1.1[a]”"),
        ("3.1.1/b/x.png", "from the folder “b” and the folder “3.1.1”"),
        ("AC/x.png", "from the folder “AC”"),
        ("AC policy.png", "from its name"),
        ("x.png", NOTHING),
        (f"3.1.1 {'x' * 200}/x.png", f"from the folder “3.1.1 {'x' * 54}…”"),
    ],
)
def test_it_says_what_told_it(path: str, why: str) -> None:
    assert recognise(path).why == why


@pytest.mark.parametrize(
    ("level", "path", "objective", "requirement"),
    [
        (1, "AC.L1-b.1.i[a] List.pdf", "AC.L1-b.1.i[a]", ""),
        (1, "b.1.ix/[c] Visitors.csv", "PE.L1-b.1.ix[c]", ""),
        (1, "PE.L1-B.1.IX (d) Keys.xlsx", "PE.L1-b.1.ix[d]", ""),
        (1, "AC.L1-b.1.ii Roles.xlsx", "", "AC.L1-b.1.ii"),
        (1, "FAR 52.204-21(b)(1)(iii) Links.pdf", "", "AC.L1-b.1.iii"),
        (1, "3.10.4[a] Visitor log.csv", "PE.L1-b.1.ix[c]", ""),  # the NIST objectives that Level 1 is assessed with
        (1, "AC.L1-3.1.1 Accounts.csv", "", "AC.L1-b.1.i"),  # as they were called before
        (1, "3.1.3[a] Flow.pdf", "", ""),
        (1, "SC.L1-b.1.i Wrong family.pdf", "", ""),
        (1, "b.1.xvi No such.pdf", "", ""),
        (3, "AC.L3-3.1.2e Devices.pdf", "AC.L3-3.1.2e[a]", ""),
        (3, "3.1.3e/Flow.pdf", "AC.L3-3.1.3e[a]", ""),
        (3, "3.1.2 Roles.pdf", "", ""),
        (3, "AC.L2-3.1.2[e] Roles.pdf", "", ""),
        (2, "3.1.1e Roles.pdf", "AC.L2-3.1.1[e]", ""),
        (2, "AC.L1-b.1.i[a] List.pdf", "", ""),
        (2, "AC.L3-3.1.2e Devices.pdf", "", ""),
    ],
)
def test_a_name_is_read_for_the_level_of_its_system(level: int, path: str, objective: str, requirement: str) -> None:
    found = recognise(path, level)
    assert [str(one) for one in found.objectives] == [objective] * bool(objective)
    assert list(found.requirements) == [requirement] * bool(requirement)


@pytest.mark.parametrize("level", [1, 3])
def test_every_objective_of_the_other_levels_is_found_in_a_name(level: int) -> None:
    ids = [o.id for r in load(level).requirements for o in r.objectives]
    assert [str(one) for name in ids for one in recognise(f"{name} Proof.pdf", level).objectives] == ids


def test_composed_and_decomposed_names_are_read_alike() -> None:
    name = "3.1.1[a] Überprüfung Größe.png"
    composed, decomposed = (recognise(unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))
    assert composed == decomposed
    assert composed.title == "Überprüfung Größe"


def test_a_long_name_gives_a_title_that_is_taken() -> None:
    title = recognise(f"3.1.1[a] {'long ' * 500}.png").title
    assert 290 < len(title) <= LONGEST_TITLE


@pytest.mark.parametrize("identifier", IDS)
def test_every_objective_is_found_in_a_name(identifier: str) -> None:
    expected = (parse_objective_id(identifier),)
    bare = identifier.partition("-")[2]
    for path in (f"{identifier} x.png", f"x {bare}.png", f"{bare}/x.png", f"{bare.replace('[', '').rstrip(']')}/x.png"):
        assert recognise(path).objectives == expected


def test_in_running_text_only_what_is_unmistakable_counts() -> None:
    text = "3.1.1 Scope. By clause 3.1.1(a), see AC.L2-3.1.2, 3.1.5[b] and IA.L2-3.5.3(c); 3.1.3a is none."
    found = named_in(text, running=True)
    assert [str(one) for one in found.objectives] == ["AC.L2-3.1.5[b]", "IA.L2-3.5.3[c]"]
    assert found.requirements == ("AC.L2-3.1.2",)
    assert found.spans == tuple((text.index(one), text.index(one) + len(one)) for one in _STANDING)


_STANDING = ("AC.L2-3.1.2", "3.1.5[b]", "IA.L2-3.5.3(c)")
_PIECES = st.sampled_from(
    ["3.1.1", "AC.L2-", "[a]", "a-d", "/", "\\", "..", " ", "_", ".", "v", "10.", "2026", "IA", ".png", "é", "\u0301"]
)


@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=40).map("".join)))
def test_any_path_is_read_and_gives_a_title_that_is_taken(path: str) -> None:
    found = recognise(path)
    assert isinstance(found, Filed)
    assert {str(one) for one in found.objectives} <= set(IDS)
    assert not {one.requirement for one in found.objectives} & set(found.requirements)
    assert len(set(found.objectives)) == len(found.objectives)
    assert is_visible(found.title)
    assert parse_facts({"title": found.title}, _TODAY)["title"] == found.title
    assert found.why
    assert recognise(path) == found


@pytest.mark.parametrize(
    "piece",
    [
        *("3.1.1[a]", "3.1.1[a", "[a,", "3.", "3.1.1 ", "a-", "v3.1.1 ", "3.1.1/b/", "3.1.1[a] and ", "[a] to "),
        *("/", "../", "(", "_", ".a", "e\u0301", "\u0301", " ", "AC", "AC - ", "x", "3.1.1 3.1.2 "),
    ],
)
def test_a_path_of_ten_thousand_characters_takes_no_time(piece: str) -> None:
    path = (piece * 10_000)[:10_000]
    began = time.process_time()
    recognise(path)
    recognise(f"3.1.1/{path} x.png")
    assert time.process_time() - began < 0.5


def test_of_a_longer_path_the_end_is_read() -> None:
    assert requirements("x/" * LONGEST_PATH + "3.1.1/x.png") == ["3.1.1"]
    assert requirements("3.1.1/" + "x/" * LONGEST_PATH + "x.png") == []


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("rules.pdf", ""),
        ("3.1.1/rules.pdf", "3.1.1/rules.pdf"),
        ("C:\\evidence\\3.1.1\\rules.pdf", "C:/evidence/3.1.1/rules.pdf"),
        ("../../etc/./3.1.1//rules.pdf", "etc/3.1.1/rules.pdf"),
        ("a\nb/\u202erules.pdf", "a b/rules.pdf"),
        ("", ""),
    ],
)
def test_a_path_is_kept_clean_and_only_where_it_has_folders(path: str, kept: str) -> None:
    assert origin_of(path) == kept


def test_of_a_path_that_is_too_long_the_near_folders_are_kept() -> None:
    kept = origin_of("/".join(["far" * 60] * 40 + ["3.1.1", "rules.pdf"]))
    assert kept.endswith("/3.1.1/rules.pdf")
    assert len(kept) <= LONGEST_ORIGIN
    assert len(origin_of(f"a/{'b' * 5_000}")) <= LONGEST_ORIGIN


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("evidence/.DS_Store", True),
        ("evidence/THUMBS.DB", True),
        ("evidence\\desktop.ini", True),
        (".git/config", True),
        ("evidence/~$plan.docx", True),
        ("evidence/plan.docx", False),
        ("thumbs/plan.db.txt", False),
        ("a.b/c", False),
    ],
)
def test_what_computers_put_into_folders_is_known(path: str, hidden: bool) -> None:
    assert is_system_file(path) is hidden
