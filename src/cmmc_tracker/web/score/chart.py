"""The score over time as the geometry of a picture: an SVG that the server draws, without any style of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from cmmc_tracker.domain.score_history import Mark, Point

_Across = Callable[[date], float]
_Down = Callable[[int], float]
WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 14, 34


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the picture, or a day below it, with its words."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A day on the line."""

    x: float
    y: float
    text: str
    is_hint: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws. Whole lines are scores, `hints` what it would have been with a security plan."""

    lines: tuple[str, ...]  # each the `points` of a polyline
    hints: tuple[str, ...]
    dots: tuple[Dot, ...]
    scores: tuple[Tick, ...]
    days: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    threshold: float | None


def draw(points: Sequence[Point], marks: Sequence[Mark], today: date, threshold: int | None, most: int) -> Chart | None:
    """The picture, from the first point to today; None where there is nothing to draw."""
    shown = [one for one in points if one.total is not None]
    if not shown:
        return None
    first = min([shown[0].on, *[one.on for one in marks]])
    if first >= today:  # one day is no line
        return None
    days = max((today - first).days, 1)
    low = min([0, *[one.total for one in shown if one.total is not None]])

    def across(day: date) -> float:
        part = min(max((day - first).days, 0), days) / days
        return round(LEFT + (WIDTH - LEFT - RIGHT) * part, 1)

    def down(value: int) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (most - value) / (most - low), 1)

    steps = list(zip(shown, [*[one.on for one in shown[1:]], today], strict=True))
    return Chart(
        lines=tuple(_line(steps, across, down, hint=False)),
        hints=tuple(_line(steps, across, down, hint=True)),
        dots=tuple(Dot(across(p.on), down(p.total or 0), _said(p), p.value is None) for p in shown),
        scores=tuple(Tick(down(value), str(value)) for value in sorted(_ticks(low, most))),
        days=(Tick(across(first), _day(first)), Tick(across(today), _day(today))),
        marks=tuple(Tick(across(one.on), f"{_day(one.on)}: {one.text}") for one in marks),
        threshold=None if threshold is None else down(threshold),
    )


def _ticks(low: int, most: int) -> set[int]:
    """The least, the most and nought, unless that would stand on the least."""
    return {low, most} | ({0} if low < -most / 8 else set())


def _line(steps: Sequence[tuple[Point, date]], across: _Across, down: _Down, *, hint: bool) -> list[str]:
    """Runs of days with a score (or, for `hint`, without): level until the next change, as scores are."""
    found: list[str] = []
    run: list[str] = []
    for point, until in steps:
        if (point.value is None) is not hint:
            if run:
                found.append(" ".join(run))
            run = []
            continue
        y = down(point.total or 0)
        run += [f"{across(point.on)},{y}", f"{across(until)},{y}"]
    return [*found, " ".join(run)] if run else found


def _said(point: Point) -> str:
    value = "no score" if point.value is None else str(point.value)
    provisional = ", provisional" if point.provisional else ""
    return f"{_day(point.on)}: {value}{provisional}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
