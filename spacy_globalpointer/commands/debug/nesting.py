"""How the spans of a text lie to each other: one in the other, or across each other's border."""

from collections.abc import Iterable

Interval = tuple[int, int]


def nesting_depths(intervals: Iterable[Interval]) -> dict[Interval, int]:
    """Depth of each interval: 1, or one more than the deepest interval around it.

    intervals: start, end (exclusive), in any unit. One is around another if it has other borders
        and holds all of it.
    RETURNS: the depth of each different interval.
    """
    depths: dict[Interval, int] = {}
    opened: list[Interval] = []
    for interval in _outer_first(intervals):
        opened = [other for other in opened if other[1] > interval[0]]
        around = (depths[other] for other in opened if other[1] >= interval[1])
        depths[interval] = 1 + max(around, default=0)
        opened.append(interval)
    return depths


def crossing_intervals(intervals: Iterable[Interval]) -> set[Interval]:
    """Intervals that overlap another one, and neither of the two holds the other.

    intervals: start, end (exclusive), in any unit.
    """
    crossing: set[Interval] = set()
    opened: list[Interval] = []
    for start, end in _outer_first(intervals):
        opened = [other for other in opened if other[1] > start]
        across = [other for other in opened if other[0] < start and other[1] < end]
        if across:
            crossing.update(across)
            crossing.add((start, end))
        opened.append((start, end))
    return crossing


def _outer_first(intervals: Iterable[Interval]) -> list[Interval]:
    """Different intervals by start, and the longest of the same start first."""
    return sorted(set(intervals), key=lambda interval: (interval[0], -interval[1]))
