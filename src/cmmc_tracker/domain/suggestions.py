"""Which objectives a piece of evidence may belong to, judged by its words alone. Pure, offline, the same every time.

What a file's name, title and text say is compared with the catalog's own words (titles, usual evidence, what assessors
look for, summaries) and with the words of the trade in `data/trade_words.txt`. A word counts the more, the fewer
requirements use it; a name counts more than a text; and a word must stand closely in a text to count much, so that a
novel does not match because it has everything in it somewhere. Below a threshold nothing is suggested: a wrong hint
costs more than none.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from cmmc_tracker.domain.catalog import Objective, ObjectiveId, Requirement, load
from cmmc_tracker.domain.filing import Filed, named_in, recognise
from cmmc_tracker.domain.text import normal

MOST = 5
LOOKED_AT = 50_000  # characters of the text; the rest is not read

# How a summary speaks of what was laid down, rather than of what is so.
_LAYS_DOWN = re.compile(
    r"(?<!the )(?<!as )\b(written|stated|decided|listed?|named|known|described|drawn|says|statement)\b", re.IGNORECASE
)

# What a word counts for, by where it is from; words that stand together count more than each alone.
_TRADE, _TRADE_PART = 3.0, 1.0
_TITLE, _TITLE_PAIR = 1.6, 2.4
_EVIDENCE, _EVIDENCE_PAIR = 0.8, 1.8
_PROSE, _FAINT = 0.3, 0.1
_IN_NAME = 2.0
_SAME_FAMILY = 1.25
_BEST_WORDS = 6  # of a requirement's words, that many count: many faint ones never make a strong one
# Below it, chance; measured with licences, manuals, prose and recipes. A name is chosen, so it may say less.
_ENOUGH, _ENOUGH_NAMED = 14.0, 11.0
_BESIDE_BEST = 0.4  # of the best one's score
_NEXT_BEST = 0.75  # of a requirement's score, for the next of its objectives
_HALF = 30.0  # the sum of weights that is a score of one half
_EXPLICIT, _NAMED = 1.0, 0.97  # the scores of a named objective, and of one whose requirement is named
_WORD = re.compile(r"\b(?:sign|log)[- ]?(?:in|on)s?\b|[A-Za-z0-9]+", re.IGNORECASE)
_ADDRESS = re.compile(r"\bhttps?://\S+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ENDINGS = (("ies", "y", 5), ("sses", "ss", 5), ("ing", "", 7), ("ed", "", 5), ("es", "", 6), ("s", "", 4))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An objective that the evidence may belong to, why, and how sure that is, from 0 to 1."""

    objective: ObjectiveId
    reason: str
    score: float


@dataclass(frozen=True, slots=True)
class _Heard:
    """The catalog's words that a piece of evidence uses: each one's weight, as it was written there, and where."""

    weights: Mapping[str, float]
    written: Mapping[str, str]
    in_name: frozenset[str]
    in_text: frozenset[str]


def suggest(
    name: str, title: str, text: str, *, level: int = 2, linked: Collection[ObjectiveId] = ()
) -> tuple[Suggestion, ...]:
    """At most five objectives for a piece of evidence, the surest first; nothing for what speaks of something else.

    `name` may have folders before it. Objectives that are named come first; of a requirement that is only spoken of
    there are at most two. Of the text the first 50,000 characters are looked at. What is `linked` is left out.
    """
    filed, index = recognise(name, level), _index(level)
    text = text[:LOOKED_AT]
    heard = _listen(index, f"{filed.title}\n{title[:LOOKED_AT]}", text)
    found = _named(level, filed, (title, text), heard)
    named = {str(one.objective).partition("[")[0] for one in found}
    found += [one for one in _spoken_of(level, heard, filed.family) if one.objective.requirement not in named]
    left = frozenset(linked)
    return tuple(_useful(one for one in found if one.objective not in left))


def _named(level: int, filed: Filed, texts: tuple[str, str], heard: _Heard) -> list[Suggestion]:
    """What the name, the title or the text names. A text that names more than five is about all, so about none."""
    # That a folder says it is told as such: people then know that the whole folder belongs there.
    by_folder = f", {filed.why}" if "folder" in filed.why else ""
    first = named_in(texts[0][:LOOKED_AT], level=level)
    later = named_in(texts[1], running=True, level=level)
    few = len(later.objectives) + len(later.requirements) <= MOST
    known = {one.id for one in load(level).requirements}  # a number may be of another level
    objectives = (*filed.objectives, *first.objectives, *(later.objectives if few else ()))
    requirements = (*filed.requirements, *first.requirements, *(later.requirements if few else ()))
    exact = [one for one in dict.fromkeys(objectives) if one.requirement in known]
    whole = [one for one in dict.fromkeys(requirements) if one in known]
    found = [Suggestion(one, f"names {one}{by_folder * (one in filed.objectives)}", _EXPLICIT) for one in exact]
    for identifier in whole:
        if not any(one.requirement == identifier for one in exact):
            best = _best_objectives(load(level).requirement(identifier), heard)
            why = f"names {identifier}{by_folder * (identifier in filed.requirements)}"
            found += [Suggestion(one, why, _NAMED) for one in best]
    return found


def _spoken_of(level: int, heard: _Heard, family: str) -> list[Suggestion]:
    """The objectives of the requirements whose words are heard clearly enough, each with its next best after it."""
    sums: dict[str, list[tuple[float, str]]] = {}
    for term, weight in heard.weights.items():
        for identifier, value in _index(level)[term]:
            sums.setdefault(identifier, []).append((-weight * value, term))
    scores = {}
    for identifier, parts in sums.items():
        parts.sort()
        score = -sum(part for part, _ in parts[:_BEST_WORDS]) * (_SAME_FAMILY if identifier[:2] == family else 1)
        if score >= (_ENOUGH_NAMED if parts[0][1] in heard.in_name else _ENOUGH):
            scores[identifier] = score
    least = _BESIDE_BEST * max(scores.values(), default=0)
    found = []
    for place, requirement in enumerate(r for r in load(level).requirements if scores.get(r.id, 0) > least):
        parts = sums[requirement.id]
        reason = _reason([term for part, term in parts if part <= parts[0][0] / 4], heard)
        score = scores[requirement.id] / (scores[requirement.id] + _HALF)
        for one in _best_objectives(requirement, heard):
            found.append((-score, place, Suggestion(one, reason, round(score, 4))))
            score *= _NEXT_BEST
    return [entry[-1] for entry in sorted(found, key=lambda entry: entry[:-1])]


def _useful(found: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """The first five: every named one, and of requirements that are not named exactly two at most."""
    of: Counter[str] = Counter()
    given = 0
    for one in found:
        of[one.objective.requirement] += one.score < _EXPLICIT
        if given < MOST and of[one.objective.requirement] <= 2:
            given += 1
            yield one


def _best_objectives(requirement: Requirement, heard: _Heard) -> list[ObjectiveId]:
    """A requirement's objectives, the likeliest first: by their own words and by the kind of evidence."""
    words = {o.letter: set(_stems(o.summary)) for o in requirement.objectives}
    shared = Counter(word for one in words.values() for word in one)
    laid_down = _is_kind("laid down", heard) - _is_kind("shown", heard)

    def score(one: Objective) -> float:
        own = sum(heard.weights.get(word, 0) / shared[word] for word in sorted(words[one.letter]))
        return own + laid_down * (1 if _LAYS_DOWN.search(one.summary) else -1)

    ranked = sorted(requirement.objectives, key=lambda one: (-score(one), one.letter))
    return [ObjectiveId(requirement.id, one.letter) for one in ranked]


def _reason(terms: Sequence[str], heard: _Heard) -> str:
    """Which words told it, the weightiest three, and where they stand."""
    shown: list[str] = []
    for term in terms:
        if not any(set(term.split()) & set(one.split()) for one in shown):
            shown.append(term)
    shown = shown[:3]
    places = [("name", heard.in_name), ("text", heard.in_text)]
    where = [place for place, terms_there in places if any(term in terms_there for term in shown)]
    speak = "speaks" if len(where) == 1 else "speak"
    return f"its {' and '.join(where)} {speak} of {', '.join(f'“{heard.written[term]}”' for term in shown)}"


def _listen(index: Mapping[str, object], name: str, text: str) -> _Heard:
    """Which of the index's terms stand in the name and in the text, and how much each counts."""
    written: dict[str, str] = {}
    in_name = set(_count(index, f"{name}\n{_CAMEL.sub(' ', name)}", written))
    counts = _count(index, _ADDRESS.sub(" ", text), written)
    around = 0.4 + len(text) / 2_000  # the longer the text, the more often must it say a word
    weights = {term: count / (count + around) for term, count in sorted(counts.items())}
    for term in sorted(in_name):
        weights[term] = weights.get(term, 0) + _IN_NAME
    return _Heard(weights, written, frozenset(in_name), frozenset(counts))


def _count(index: Mapping[str, object], text: str, written: dict[str, str]) -> Counter[str]:
    """How often each of the index's terms of one, two or three words stands in a text; `written` gets its wording."""
    pairs = [(stem, word) for word in _WORD.findall(normal(text)) if (stem := _stem(word.lower()))]
    counts: Counter[str] = Counter()
    for at in range(len(pairs)):
        for size in (1, 2, 3):
            run = pairs[at : at + size]
            term = " ".join(stem for stem, _ in run)
            if len(run) == size and term in index:
                counts[term] += 1
                written.setdefault(term, " ".join(word for _, word in run))
    return counts


@cache
def _index(level: int) -> Mapping[str, tuple[tuple[str, float], ...]]:
    """For each term the requirements that use it with its weight there: the more of them, the less it tells."""
    uses: dict[str, dict[str, float]] = {}
    for requirement in load(level).requirements:
        for term, weight in _terms_of(requirement):
            of = uses.setdefault(term, {})
            of[requirement.id] = max(weight, of.get(requirement.id, 0))
    total = len(load(level).requirements)
    index = {}
    for term, of in uses.items():
        rarity = math.log(1 + total * max(of.values()) / sum(of.values()))
        index[term] = tuple((identifier, weight * rarity) for identifier, weight in of.items())
    return index


def _terms_of(requirement: Requirement) -> Iterator[tuple[str, float]]:
    """A requirement's terms with the weight of the place they are from."""
    for phrase in sorted(word for number in requirement.nist_id.split(", ") for word in _words(number)):
        stems = _stems(phrase)
        yield " ".join(stems), _TRADE
        yield from ((stem, _FAINT if stem in _plain() else _TRADE_PART) for stem in stems)
    for text, single, pair in (
        (requirement.title, _TITLE, _TITLE_PAIR),
        *((one, _EVIDENCE, _EVIDENCE_PAIR) for one in requirement.typical_artifacts),
        *((one, _PROSE, 0.0) for one in (requirement.look_for, *(o.summary for o in requirement.objectives))),
    ):
        stems = _stems(text)
        yield from ((stem, _FAINT if stem in _plain() else single) for stem in stems)
        if pair:
            yield from ((f"{one} {other}", pair) for one, other in pairwise(stems))


@cache
def _trade() -> Mapping[str, tuple[str, ...]]:
    """The words of the trade, by what they are of: a requirement's number, or what they do."""
    text = (files("cmmc_tracker.domain") / "data" / "trade_words.txt").read_text("ascii").replace("\n  ", " ")
    lines = (line.partition(": ") for line in text.splitlines() if line and not line.startswith("#"))
    return {of: tuple(words.split(", ")) for of, _, words in lines}


@cache
def _words(of: str) -> frozenset[str]:
    """None for a requirement that only Level 3 has: of those we have no words."""
    return frozenset(_trade().get(of, ()))


@cache
def _same() -> Mapping[str, str]:
    """What stands for another word, by its stem."""
    return dict(pair.split(" = ") for pair in sorted(_words("same")))


def _is_kind(kind: str, heard: _Heard) -> bool:
    return any(_stem(word) in heard.in_name for word in _words(kind))


@cache
def _plain() -> frozenset[str]:
    return frozenset(_stem(word) for word in _words("plain"))


def _stems(text: str) -> list[str]:
    return [stem for word in _WORD.findall(text.lower()) if (stem := _stem(word))]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    """A word without its ending, or nothing for one that says nothing by itself."""
    if word in _words("silent") or not 2 <= len(word) <= 40:
        return ""
    word = word.replace("isation", "ization").replace("-", "").replace(" ", "")
    for ending, instead, least in _ENDINGS:
        if word.endswith(ending) and len(word) >= least and not word.endswith(("ss", "us", "is")):
            word = word.removesuffix(ending) + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "slz":
        word = word[:-1]
    word = _same().get(word, word)
    return word.removesuffix("e") if len(word) > 4 else word
