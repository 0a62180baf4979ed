"""Where arcs, spans and lines of text are placed."""

import random
from itertools import pairwise

import pytest

from spacy_globalpointer.commands.line_breaks import LINE, break_lines
from spacy_globalpointer.commands.relation_drawing import (
    MOST_ARCS,
    MOST_ROWS,
    Arc,
    lay_out_relations,
)
from spacy_globalpointer.commands.span_drawing import Mark, text_width
from spacy_globalpointer.spans import LabelledSpan

WORDS = [f"w{i} " for i in range(12)]


def make_arc(head, child, label="r", score=None, **options):
    return Arc(
        LabelledSpan(*head), LabelledSpan(*child), label, ("", ""), label, "", score, **options
    )


def draw(spans, arcs, tokens=WORDS, borders=None, first=0):
    """A drawing of spans (start, end), and arcs between their places."""
    marks = [Mark(LabelledSpan(start, end, "A"), "A", "") for start, end in spans]
    made = [make_arc(marks[i].span, marks[j].span, f"r{n}") for n, (i, j) in enumerate(arcs)]
    return lay_out_relations(tokens, borders or [0, len(tokens)], marks, made, first)


def check(line):
    """No two things are in one place, and every arc meets its spans."""
    boxes = {mark.span: area for mark, area in line.marks}
    runs = [area for _, area, _ in line.arcs]
    for i, one in enumerate(runs):
        assert one.begin < one.end
        assert one.row > max((area.row for area in boxes.values()), default=1)
        for other in runs[:i]:
            if one.row == other.row:
                assert one.end < other.begin or other.end < one.begin
            # An arc is below all that are inside it.
            if one.begin < other.begin and other.end < one.end:
                assert one.row > other.row
    columns = [leg.column for _, _, legs in line.arcs for leg in legs]
    assert len(set(columns)) == len(columns), "two ends of arcs in one place"
    for arc, run, legs in line.arcs:
        assert sorted(leg.column for leg in legs) == [run.begin, run.end]
        assert [leg.has_head for leg in legs] == [False, arc.is_directed]
        for leg, span in zip(legs, (arc.head, arc.child), strict=True):
            assert boxes[span].begin < leg.column < boxes[span].end
            assert (leg.row, leg.until) == (boxes[span].row + 1, run.row)
            assert leg.side == ("start" if leg.column == run.begin else "end")
    assert all(1 <= area.begin < area.end <= line.n_columns + 1 for _, area in line.words)


@pytest.mark.parametrize(
    ("spans", "arcs"),
    [
        ([(0, 1), (2, 3)], [(0, 1), (1, 0), (0, 1)]),
        ([(0, 1)], [(0, 0), (0, 0)]),
        ([(0, 8), (1, 7), (2, 6), (3, 5), (4, 5)], [(0, 1), (1, 2), (4, 0), (2, 4), (3, 3)]),
        ([(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 2), (1, 3), (3, 0), (2, 1)]),
        ([(0, 2), (1, 3)], [(0, 1)]),
    ],
)
def test_arcs_meet_their_spans_and_no_other_arc(spans, arcs):
    drawing = draw(spans, arcs)
    check(drawing.lines[0])
    assert len(drawing.lines[0].arcs) == len(arcs)
    assert drawing.listed == []


def test_random_arcs():
    chance = random.Random(0)
    for _ in range(200):
        starts = [chance.randrange(11) for _ in range(6)]
        spans = sorted({(start, chance.randint(start + 1, 12)) for start in starts})
        arcs = [(chance.randrange(len(spans)), chance.randrange(len(spans))) for _ in range(12)]
        (line,) = draw(spans, arcs).lines
        check(line)
        assert len(line.arcs) == 12


def test_two_directions_of_a_pair_do_not_cross():
    (line,) = draw([(0, 1), (5, 6)], [(0, 1), (1, 0)]).lines
    (_, outer, _), (_, inner, _) = sorted(line.arcs, key=lambda one: -one[1].row)
    assert outer.begin < inner.begin < inner.end < outer.end


def test_an_outer_span_has_its_arcs_where_no_inner_one_is_below():
    (line,) = draw([(0, 4), (2, 4), (8, 9)], [(0, 2)]).lines
    word = next(
        i for i, (_, area) in enumerate(line.words) if area.begin < line.arcs[0][1].begin < area.end
    )
    assert word in (0, 1)


def test_relations_that_leave_their_line_are_listed_with_their_lines():
    drawing = draw([(0, 1), (5, 6), (7, 8), (11, 12)], [(0, 1), (1, 2), (3, 0)], borders=[0, 6, 12])
    assert [[arc.label for arc, *_ in line.arcs] for line in drawing.lines] == [["r0"], []]
    assert [(row.arc.label, row.head, row.child) for row in drawing.listed] == [
        ("r1", 1, 2),
        ("r2", 2, 1),
    ]


def test_a_part_of_a_text_counts_from_its_first_token():
    drawing = draw([(20, 21), (25, 26), (40, 41)], [(0, 1), (0, 2)], first=20)
    assert [arc.label for arc, *_ in drawing.lines[0].arcs] == ["r0"]
    assert [(row.head, row.child) for row in drawing.listed] == [(1, None)]


def test_arcs_of_spans_that_are_not_drawn_are_listed():
    arc = make_arc((0, 1, "A"), (2, 3, "A"))
    drawing = lay_out_relations(WORDS, [0, 12], [], [arc])
    assert [row.arc for row in drawing.listed] == [arc]


def test_what_cannot_be_followed_is_listed():
    """The surest ones are drawn, and of gold ones the shortest."""
    marks = [Mark(LabelledSpan(i, i + 1, "A"), "A", "") for i in range(12)]
    chance = random.Random(0)
    pairs = [(chance.randrange(12), chance.randrange(12)) for _ in range(MOST_ARCS + 30)]
    arcs = [
        make_arc(marks[i].span, marks[j].span, f"r{n}", n / 100) for n, (i, j) in enumerate(pairs)
    ]
    drawing = lay_out_relations(WORDS, [0, 12], marks, arcs)
    (line,) = drawing.lines
    check(line)
    rows = {area.row for _, area, _ in line.arcs}
    assert len(rows) <= MOST_ROWS
    assert len(line.arcs) + len(drawing.listed) == len(arcs)
    drawn = {arc.label for arc, *_ in line.arcs}
    assert drawn <= {arc.label for arc in arcs[-MOST_ARCS:]}
    parallel = [make_arc(marks[0].span, marks[9].span, f"r{n}") for n in range(MOST_ROWS + 5)]
    drawing = lay_out_relations(WORDS, [0, 12], marks, parallel)
    assert (len(drawing.lines[0].arcs), len(drawing.listed)) == (MOST_ROWS, 5)


def test_lines_are_not_longer_than_they_may_be():
    chance = random.Random(0)
    tokens = ["x" * chance.randint(1, 12) + " " for _ in range(400)] + ["y" * 300]
    spans = [(i, i + chance.randint(1, 5)) for i in range(0, 400, 7)]
    ties = [(chance.randrange(400), chance.randrange(400)) for _ in range(100)]
    borders = break_lines(tokens, spans, ties)
    assert (borders[0], borders[-1], sorted(set(borders))) == (0, 401, borders)
    widths = [text_width("".join(tokens[i:j])) for i, j in pairwise(borders)]
    assert all(width <= LINE for width in widths[:-1])
    assert widths[-1] == 300


def test_lines_end_where_they_tear_nothing():
    tokens = ["word "] * 30
    # 20 words are a line.
    (_, border, _) = break_lines(tokens, [(8, 20)], [])
    assert border == 20
    (_, border, _) = break_lines(tokens, [], [(3, 16), (17, 29)])
    assert border == 17
    (_, border, _) = break_lines(tokens, [(12, 17)], [(2, 12)])
    assert 17 <= border <= 20
    sentences = [*["word "] * 11, "end. ", *["word "] * 12]
    assert break_lines(sentences, [], [])[1] == 12


def test_paragraphs_and_words_stay_whole():
    assert break_lines(["a ", "b", "\n\n", "c ", "d"], [], []) == [0, 3, 5]
    # Not inside a span.
    assert break_lines(["a ", "b", "\n\n", "c ", "d"], [(1, 4)], []) == [0, 5]
    words = [part for i in range(30) for part in (f"word{i % 10}", ", ")]
    borders = break_lines(words, [], [])
    assert all(border % 2 == 0 for border in borders)
    chinese = [*"他到过云溪市，" * 12]
    borders = break_lines(chinese, [], [])
    assert all(chinese[border] != "，" for border in borders[:-1])


def test_a_text_without_words():
    assert break_lines([], [], []) == [0]
