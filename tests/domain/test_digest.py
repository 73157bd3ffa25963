"""Reminders: what they say, what they can never say, and when there is none."""

from dataclasses import fields
from datetime import date, timedelta

import pytest

from cmmc_tracker.domain.digest import Duty, Task, Thing, compose, due, is_address, is_time

TODAY = date(2026, 11, 24)
URL = "https://tracker.example.com"


def upload(number: int, days: int | None, system: str = "main", about: str = "") -> Duty:
    """Evidence to upload, due so many days from today."""
    due_on = None if days is None else TODAY + timedelta(days=days)
    return Duty(Task.UPLOAD, Thing.REQUEST, number, system, due_on, about)


def test_a_reminder_reads_like_this() -> None:
    duties = [
        Duty(Task.ANSWER, Thing.QUESTION, 3, "main"),
        Duty(Task.REVIEW, Thing.ARTIFACT, 42, "main", date(2026, 11, 30)),
        Duty(Task.UPLOAD, Thing.REQUEST, 7, "main", date(2026, 11, 20), "AC.L2-3.1.1[a]"),
        Duty(Task.RENEW, Thing.ARTIFACT, 5, "main", TODAY),
    ]
    assert compose("Ada", duties, TODAY, URL) == (
        "CMMC Artifact Tracker: 4 things to do, 1 overdue",
        """\
Hello Ada,

on 24 Nov 2026 this waits for you in the CMMC Artifact Tracker.

Overdue
- Evidence to upload: request 7 for AC.L2-3.1.1[a], was due on 20 Nov 2026

Due soon
- Evidence that falls due: artifact 5, due on 24 Nov 2026
- Evidence to review: artifact 42, due on 30 Nov 2026

Without a date
- Question to answer: question 3

Your work: https://tracker.example.com/my-work

This mail names things by their numbers only. It comes at most once a day, and only when something falls due.
""",
    )


def test_a_duty_has_no_place_for_a_title_a_finding_or_a_file_s_name() -> None:
    assert [one.name for one in fields(Duty)] == ["task", "thing", "id", "system", "due_on", "about"]
    for words in ("Firewall rules have a hole", "AC.L2-3.1.1[a] is not met", "3.1.1", "scan.pdf", "AC.L2-3.1.1[a]\n"):
        with pytest.raises(ValueError, match="identifier"):
            upload(1, 0, about=words)
    for words in ("", "Our Enclave", "main\n", "-main", "a" * 61):
        with pytest.raises(ValueError, match="slug"):
            upload(1, 0, system=words)


def test_what_is_overdue_comes_first_then_what_falls_due_oldest_first_then_what_has_no_date() -> None:
    given = [upload(1, None), upload(2, 5), upload(3, -1), upload(4, 0), upload(5, -9)]
    assert [one.id for one in due(given, TODAY, 7)] == [5, 3, 4, 2, 1]
    text = compose("Ada", given, TODAY, "")[1]
    assert [text.index(f"request {number},") for number in (5, 3, 4, 2)] == sorted(
        text.index(f"request {number},") for number in (5, 3, 4, 2)
    )
    assert text.index("request 2") < text.index("request 1\n")


def test_only_what_falls_due_within_the_horizon_is_told() -> None:
    assert [one.id for one in due([upload(7, 7), upload(8, 8)], TODAY, 7)] == [7]
    assert [one.id for one in due([upload(1, 0), upload(2, 1)], TODAY, 0)] == [1]


def test_there_is_no_mail_while_nothing_falls_due_however_much_waits_without_a_date() -> None:
    assert due([], TODAY, 7) == []
    assert due([upload(1, None), upload(2, 8)], TODAY, 7) == []
    with pytest.raises(ValueError, match="nothing to remind of"):
        compose("Ada", [], TODAY, URL)


def test_the_due_day_itself_still_counts() -> None:
    assert compose("Ada", [upload(1, 0)], TODAY, "")[0].endswith("1 thing to do")
    assert compose("Ada", [upload(1, -1)], TODAY, "")[0].endswith("1 thing to do, 1 overdue")


def test_fifty_lines_are_told_and_how_many_more_there_are() -> None:
    _, text = compose("Ada", [upload(number, number - 30) for number in range(62)], TODAY, URL)
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(lines) == 50
    assert "request 0," in lines[0]
    assert "\nand 12 more.\n" in text
    assert "more" not in compose("Ada", [upload(number, 0) for number in range(50)], TODAY, URL)[1]


def test_systems_are_named_by_their_slug_where_there_are_several() -> None:
    text = compose("Ada", [upload(1, 0), upload(2, 0, system="plant-2")], TODAY, "")[1]
    assert "request 1 in main, due on" in text
    assert "request 2 in plant-2, due on" in text


def test_without_an_address_of_the_site_there_is_no_link() -> None:
    assert "/my-work" not in compose("Ada", [upload(1, 0)], TODAY, "")[1]
    assert f"\nYour work: {URL}/my-work\n" in compose("Ada", [upload(1, 0)], TODAY, f"{URL}/")[1]


def test_a_person_s_name_cannot_add_lines_to_a_mail() -> None:
    subject, text = compose("Ada\r\nBcc: x@evil.example\u2028\u202e" + "x" * 200, [upload(1, 0)], TODAY, URL)
    assert "Ada" not in subject
    greeting, _, rest = text.partition("\n")
    assert greeting.startswith("Hello Ada Bcc: x@evil.example")
    assert len(greeting) < 100
    assert "evil" not in rest
    assert compose(" \n", [upload(1, 0)], TODAY, URL)[1].startswith("Hello,\n")


def test_a_person_gets_at_most_one_mail_a_day() -> None:
    assert is_time(None, TODAY)
    assert is_time(TODAY - timedelta(days=1), TODAY)
    assert not is_time(TODAY, TODAY)
    assert not is_time(TODAY + timedelta(days=1), TODAY)


@pytest.mark.parametrize(
    "text",
    ["ada@example.com", "a.b+c@sub.example.com", "o'neil_x@ex-ample.com", "root@localhost", "a" * 64 + "@example.com"],
)
def test_a_plain_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a@b@example.com",
            ".a@example.com",
            "a..b@example.com",
        ),
        *("ada@example.com\n", "ada@example.com\r\nBcc: x@evil.example", "ada@example.com,x@evil.example", " a@b.c"),
        *("Ada <ada@example.com>", "<ada@example.com>", '"a b"@example.com', "a(b)@example.com", "ada@[127.0.0.1]"),
        *("x%evil.example@example.com", "evil.example!x@example.com", "=?utf-8?q?x?=@example.com", "ä@example.com"),
        *(
            "ada@exämple.com",
            "ada@-a.example",
            "ada@a..example",
            "ada@example.com.",
            "a\0@example.com",
            "a b@example.com",
        ),
        *("a" * 65 + "@example.com", "a@" + ".".join(["x" * 63] * 4) + ".example", "a@" + "x" * 64 + ".example"),
        "ada@example.com SIZE=1",
    ],
)
def test_what_is_more_or_less_than_one_plain_address_is_none(text: str) -> None:
    assert not is_address(text)
