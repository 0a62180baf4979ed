"""Which errors are shown, and what is around them."""

from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_globalpointer.commands.evaluate.judged import Judged
from spacy_globalpointer.commands.evaluate.worst_errors import (
    MOST_TOKENS,
    cut_around,
    describe_excerpt,
    find_excerpts,
    find_span_errors,
    rank_errors,
)
from spacy_globalpointer.spans import LabelledSpan

VOCAB = Vocab()


def document(number, gold, found, scored=None, n_tokens=10, sentences=(0,)):
    """gold: triples, or a dict of those with the scores that they have."""
    doc = Doc(VOCAB, words=[f"w{i}" for i in range(n_tokens)])
    gold = gold if isinstance(gold, dict) else dict.fromkeys(gold)
    gold, found, scored = (
        {LabelledSpan(*span): score for span, score in spans.items()}
        for spans in (gold, found, {**(scored or {}), **found})
    )
    return Judged(number, doc, list(sentences), gold, found, scored)


DOCUMENTS = [
    document(
        1, {(0, 1, "A"), (2, 3, "A")}, {(0, 1, "A"): 0.9, (4, 5, "A"): 0.6}, {(2, 3, "A"): 0.4}
    ),
    document(2, {(0, 1, "A")}, {(0, 1, "B"): 0.8, (8, 9, "B"): 0.99}),
    document(3, {(0, 1, "A")}, {(0, 1, "A"): 0.7}),
    document(4, {(0, 1, "A"): None, (0, 1, "B"): 1e-5}, {}),
]


def excerpts_of(documents, most):
    return find_excerpts(find_span_errors(documents), most, describe_excerpt)


def test_wrong_and_missed_spans_take_turns():
    errors = rank_errors(find_span_errors(DOCUMENTS))
    ranked = [(e.document.number, e.item, e.kind, e.score) for e in errors]
    assert ranked == [
        (2, (8, 9, "B"), "spurious", 0.99),
        (4, (0, 1, "B"), "missed", 1e-5),
        (2, (0, 1, "B"), "type", 0.8),
        (1, (2, 3, "A"), "missed", 0.4),
        (1, (4, 5, "A"), "spurious", 0.6),
        # What can never be found comes last.
        (2, (0, 1, "A"), "missed", None),
        (4, (0, 1, "A"), "missed", None),
    ]


def test_each_part_of_a_document_is_shown_once():
    excerpts = excerpts_of(DOCUMENTS, 10)
    parts = [(e["document"], e["start"], e["end"]) for e in excerpts]
    assert parts == [(2, 0, 10), (4, 0, 10), (1, 0, 10)]
    assert [e["document"] for e in excerpts_of(DOCUMENTS, 1)] == [2]
    assert excerpts_of(DOCUMENTS, 0) == []
    assert excerpts_of(DOCUMENTS[2:3], 10) == []
    two = document(1, {(1, 2, "A"), (6, 7, "A")}, {}, sentences=(0, 5))
    assert [(e["start"], e["end"]) for e in excerpts_of([two], 10)] == [(0, 5), (5, 10)]


def test_long_errors_that_begin_in_an_excerpt_need_no_other():
    spans = {(i, 150 + i, "A"): 0.9 - i / 100 for i in range(50)}
    made = document(1, set(), {**spans, (160, 161, "A"): 0.1}, n_tokens=200)
    excerpts = excerpts_of([made], 10)
    assert [(e["start"], e["end"]) for e in excerpts] == [(0, 60), (131, 191)]


@given(st.data())
def test_an_excerpt_holds_its_error_and_whole_sentences(data):
    n_tokens = data.draw(st.integers(1, 200))
    start = data.draw(st.integers(0, n_tokens - 1))
    end = data.draw(st.integers(start + 1, n_tokens))
    sentences = sorted({0, *data.draw(st.lists(st.integers(0, n_tokens - 1), max_size=9))})
    made = document(1, {(start, end, "A")}, {}, n_tokens=n_tokens, sentences=sentences)
    left, right = cut_around(made, LabelledSpan(start, end, "A"))
    assert 0 <= left < right <= n_tokens
    assert right - left <= MOST_TOKENS
    if end - start <= MOST_TOKENS:
        assert left <= start < end <= right
    else:
        assert (left, right) == (start, start + MOST_TOKENS)
    borders = [*sentences, n_tokens]
    around = max(b for b in borders if b <= start), min(b for b in borders if b >= end)
    if around[1] - around[0] <= MOST_TOKENS:
        assert (left, right) == around
    else:
        assert right - left == MOST_TOKENS
        assert around[0] <= left < right <= around[1]


def test_spans_without_a_token_have_an_excerpt():
    for n_tokens, place in ((10, 4), (10, 10), (0, 0)):
        made = document(1, {(place, place, "A")}, {}, n_tokens=n_tokens)
        left, right = cut_around(made, LabelledSpan(place, place, "A"))
        assert (left, right) == (0, n_tokens)


def test_the_plain_form_has_what_overlaps():
    made = document(
        7,
        {(0, 2, "A"), (4, 7, "A"), (9, 10, "B")},
        {(4, 7, "A"): 0.75, (6, 7, "C"): 0.5},
        scored={(9, 10, "B"): 0.25},
        sentences=(0, 3, 6),
    )
    row = {"label": "A", "start": 4, "end": 7, "text": "w4 w5 w6", "score": 0.75, "right": True}
    wrong = {"label": "C", "start": 6, "end": 7, "text": "w6", "score": 0.5}
    assert excerpts_of([made], 1)[0] == {
        "document": 7,
        "start": 6,
        "end": 10,
        "tokens": ["w6 ", "w7 ", "w8 ", "w9 "],
        "error": {"kind": "spurious", **wrong},
        "gold": [
            row,
            {"label": "B", "start": 9, "end": 10, "text": "w9", "score": 0.25, "right": False},
        ],
        "predicted": [row, {**wrong, "right": False}],
    }
