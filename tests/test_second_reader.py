"""What lets another program read our OSCAL: it must tell a document that comes back otherwise than it went in."""

import pytest
from tools import second_reader_child
from tools.second_reader_child import differing


@pytest.mark.parametrize(
    ("said", "given", "place"),
    [
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]}, ""),
        ({"a": "2026-11-28T10:00:00Z"}, {"a": "2026-11-28T10:00:00+00:00"}, ""),
        ({"a": "2026-11-28T10:00:00Z"}, {"a": "2026-11-28T11:00:00+00:00"}, "/a"),
        ({"a": 1, "b": 2}, {"a": 1}, "['b']"),
        ({"a": 1}, {"a": 1, "b": 2}, "['b']"),
        ({"a": [{"b": "x"}, {"b": "y"}]}, {"a": [{"b": "x"}, {"b": "z"}]}, "/a/1/b"),
        ({"a": [1, 2]}, {"a": [1]}, "/a: 2 became 1"),
        ({"a": {"b": 1}}, {"a": [1]}, "/a"),
        ({"a": "x"}, {"a": None}, "/a"),
    ],
)
def test_what_comes_back_otherwise_is_told_by_its_place(said: object, given: object, place: str) -> None:
    found = differing(said, given)
    assert place in found
    assert bool(found) is bool(place)


def test_no_document_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["second_reader_child.py"])
    assert second_reader_child.main() == 1
