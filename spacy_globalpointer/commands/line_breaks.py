"""Where the lines of a text with relations end, so that few of these leave their line."""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

from .span_drawing import text_width

# Width of a line of text (half-width characters).
LINE = 100
# What a line break costs: a torn relation, a torn span, a torn word, the middle of a sentence, and
# any break at all.
TORN_RELATION, TORN_SPAN, TORN_WORD, NO_SENTENCE, BREAK = 10.0, 6.0, 4.0, 1.0, 0.5
SENTENCE_ENDS = ".!?。！？؟"


def break_lines(
    tokens: Sequence[str], spans: Iterable[tuple[int, int]], ties: Iterable[tuple[int, int]]
) -> list[int]:
    """Break a text into lines where that tears the fewest relations and spans.

    tokens: with the space after them.
    spans (tokens): starts and ends; they may go beyond the text.
    ties (tokens): where the two spans of each relation begin; they may lie beyond the text.
    RETURNS (tokens): where the lines begin, and the end of the text.
    """
    begins = list(accumulate(map(text_width, tokens), initial=0))
    costs = _cost_breaks(tokens, begins, spans, ties)
    best, back = [0.0], [0]
    for end in range(1, len(tokens) + 1):
        ways = []
        for begin in range(end - 1, -1, -1):
            width = begins[end] - begins[begin]
            if width > LINE and begin < end - 1:
                break
            ways.append((best[begin] + BREAK + (1 - min(1.0, width / LINE)) ** 2, begin))
            if begin and "\n" in tokens[begin - 1] and costs[begin] < TORN_SPAN:
                break  # a paragraph
        cost, begin = min(ways)
        best.append(cost + costs[end])
        back.append(begin)
    borders = [len(tokens)]
    while borders[-1]:
        borders.append(back[borders[-1]])
    return borders[::-1]


def _cost_breaks(
    tokens: Sequence[str],
    begins: Sequence[int],
    spans: Iterable[tuple[int, int]],
    ties: Iterable[tuple[int, int]],
) -> list[float]:
    """What a line break costs before each token, and at the end, where it costs nothing.

    begins (half-width characters): of the tokens, and the end of the last one.
    """
    n = len(tokens)
    steps = [0.0] * (n + 1)

    def add(start: int, last: int, cost: float) -> None:
        """A cost of breaks between two tokens."""
        start, last = max(0, start), min(n - 1, last)
        if start < last:
            steps[start + 1] += cost
            steps[last + 1] -= cost

    for start, end in spans:
        add(start, end - 1, TORN_SPAN)
    for tie in ties:
        start, last = sorted(tie)
        # What is too far apart for one line is torn in any case.
        if start >= 0 and last < n and begins[last] - begins[start] < LINE:
            add(start, last, TORN_RELATION)
    costs = [round(cost, 6) for cost in accumulate(steps)]
    is_spaced = 3 * sum(token != token.rstrip() for token in tokens) > n
    for place in range(1, n):
        before, behind = tokens[place - 1], tokens[place]
        is_sign = unicodedata.category(behind[0]).startswith("P")
        costs[place] += TORN_WORD * (before == before.rstrip() and (is_spaced or is_sign))
        costs[place] += NO_SENTENCE * (before.rstrip()[-1:] not in SENTENCE_ENDS)
    return [*costs[:n], 0.0]
