"""The numbers of an evaluation, beside the definitions and spaCy's own scorer."""

from collections import Counter
from itertools import pairwise

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_globalpointer.commands.evaluate.evaluation import (
    BINS,
    calibrate,
    confuse,
    evaluate_spans,
)
from spacy_globalpointer.commands.evaluate.judged import Judged, Judgement
from spacy_globalpointer.pipeline.scorer import score_span_groups
from spacy_globalpointer.spans import LENGTH_NAMES, LENGTHS, LabelledSpan

VOCAB = Vocab()
WORDS = "a b c d e f g h i j k l".split()
CELLS = st.tuples(
    st.integers(0, 9), st.sampled_from([1, 1, 1, 2, 2, 3, 5, 8]), st.sampled_from("ABC")
).map(lambda cell: LabelledSpan(cell[0], min(len(WORDS), cell[0] + cell[1]), cell[2]))
SCORES = st.floats(0.0, 1.0, width=32)
# Near each other, so that many are right and many nested.
FOUND = st.dictionaries(CELLS, SCORES, max_size=8)
PAIRS = st.lists(st.tuples(st.sets(CELLS, max_size=8), FOUND, FOUND), min_size=1, max_size=4)


def judged(pairs):
    documents = [
        judged_document(gold | set(list(found)[:2]), found, low) for gold, found, low in pairs
    ]
    return Judgement(documents, 0.01, 0, [])


def judged_document(gold, found, low):
    doc = Doc(VOCAB, words=WORDS)
    return Judged(1, doc, [0], dict.fromkeys(gold), found, {**low, **found})


def examples_of(judgement):
    for document in judgement.documents:
        predicted, reference = Doc(VOCAB, words=WORDS), Doc(VOCAB, words=WORDS)
        for doc, cells in ((reference, document.gold), (predicted, document.found)):
            doc.spans["sc"] = [Span(doc, s, e, label=label) for s, e, label in cells]
        yield Example(predicted, reference)


@given(PAIRS)
def test_totals_are_those_of_the_scorer(pairs):
    judgement = judged(pairs)
    ours = evaluate_spans(judgement)
    theirs = {
        name.removeprefix("spans_sc_"): score
        for name, score in score_span_groups(list(examples_of(judgement))).items()
    }
    if theirs["f"] is None:  # neither gold nor found
        assert ours["spans"]["exact"]["f"] == 0
        return
    for part in "prf":
        assert ours["spans"]["exact"][part] == pytest.approx(theirs[part])
        assert ours["spans"]["boundary"][part] == pytest.approx(theirs[f"boundary_{part}"])
    assert ours["spans"]["exact"]["macro_f"] == pytest.approx(theirs["macro_f"])
    for part in ("nested", "flat"):
        if theirs[f"{part}_r"] is not None:
            assert ours["spans"][part]["r"] == pytest.approx(theirs[f"{part}_r"])
    per_type = {
        label: {part: scores[part] for part in "prf"} for label, scores in ours["labels"].items()
    }
    assert per_type.keys() == theirs["per_type"].keys()
    for label, scores in per_type.items():
        assert scores == pytest.approx(theirs["per_type"][label])


@given(PAIRS)
def test_parts_and_errors_add_up(pairs):
    judgement = judged(pairs)
    report = evaluate_spans(judgement)
    whole = {kind: report["spans"]["exact"][kind] for kind in ("right", "wrong", "missed")}
    nesting = [report["spans"]["nested"], report["spans"]["flat"]]
    for parts in (report["labels"].values(), report["lengths"].values(), nesting):
        assert {kind: sum(part[kind] for part in parts) for kind in whole} == whole
    errors = report["errors"]
    wrong = sum(errors.get(kind, 0) for kind in ("type", "border", "spurious"))
    assert wrong == whole["wrong"]
    assert errors.get("missed", 0) + errors.get("missed nested", 0) == whole["missed"]


@given(PAIRS)
def test_lengths_by_hand(pairs):
    judgement = judged(pairs)
    lengths = evaluate_spans(judgement)["lengths"]
    borders = [*LENGTHS, 1000]
    for name, (low, high) in zip(LENGTH_NAMES, pairwise(borders), strict=True):
        golds = founds = rights = 0
        for document in judgement.documents:
            gold = [c for c in document.gold if low <= c[1] - c[0] < high]
            found = [c for c in document.found if low <= c[1] - c[0] < high]
            golds, founds = golds + len(gold), founds + len(found)
            rights += len(set(gold) & set(found))
        if golds + founds == 0:
            assert name not in lengths
            continue
        part = lengths[name]
        assert part["right"] == rights
        assert part["f"] == pytest.approx(2 * rights / (golds + founds))
        assert (part["right"] + part["missed"], part["right"] + part["wrong"]) == (golds, founds)


@given(PAIRS)
def test_nothing_is_lost_or_doubled_in_the_confusion(pairs):
    judgement = judged(pairs)
    golds, founds, rights, total = Counter(), Counter(), Counter(), Counter()
    for document in judgement.documents:
        golds.update(label for *_, label in document.gold)
        founds.update(label for *_, label in document.found)
        rights.update(label for *_, label in document.gold.keys() & document.found.keys())
        # As many pairs of two labels as two-sided borders can give.
        for borders in {cell[:2] for cell in document.gold.keys() | document.found.keys()}:
            gold = {c[2] for c in document.gold if c[:2] == borders}
            found = {c[2] for c in document.found if c[:2] == borders}
            total["confused"] += min(len(gold - found), len(found - gold))
    rows = evaluate_spans(judgement)["confusion"]
    table = {(row["gold"], row["predicted"]): row["spans"] for row in rows}
    assert len(table) == len(rows)
    assert (None, None) not in table
    for label in golds | founds:
        assert sum(n for (gold, _), n in table.items() if gold == label) == golds[label]
        assert sum(n for (_, found), n in table.items() if found == label) == founds[label]
        assert table.get((label, label), 0) == rights[label]
    assert total["confused"] == sum(
        n for (gold, found), n in table.items() if gold != found and None not in (gold, found)
    )


def test_confusion_of_several_labels_on_the_same_borders():
    gold = {(0, 1, "A"), (0, 1, "B"), (2, 3, "A"), (4, 5, "C"), (6, 7, "A"), (6, 7, "B")}
    found = {
        (0, 1, "A"): 0.9,
        (0, 1, "D"): 0.6,
        (2, 3, "C"): 0.6,
        (2, 3, "D"): 0.8,
        (4, 6, "C"): 0.9,
        (6, 7, "C"): 0.6,
        (6, 7, "D"): 0.8,
    }
    pairs = confuse(
        {LabelledSpan(*span) for span in gold},
        {LabelledSpan(*span): score for span, score in found.items()},
    )
    assert pairs == {
        ("A", "A"): 1,
        ("B", "D"): 1,
        ("A", "D"): 2,
        (None, "C"): 2,
        ("C", None): 1,
        ("B", "C"): 1,
    }


@given(st.lists(st.tuples(SCORES, st.booleans()), max_size=30))
def test_calibration_by_hand(spans):
    result = calibrate(
        numpy.array([p for p, _ in spans], dtype=float), numpy.array([g for _, g in spans], float)
    )
    error = 0.0
    for i, row in enumerate(result["bins"]):
        inside = [(p, g) for p, g in spans if int(p * BINS) == i or (p == 1 and i == BINS - 1)]
        assert row["spans"] == len(inside)
        assert (row["low"], row["high"]) == (i / BINS, (i + 1) / BINS)
        if inside:
            mean, share = (sum(column) / len(inside) for column in zip(*inside, strict=True))
            assert row["probability"] == pytest.approx(mean)
            assert row["gold"] == pytest.approx(share)
            error += len(inside) / len(spans) * abs(mean - share)
        else:
            assert row["probability"] is row["gold"] is None
    assert result["spans"] == len(spans)
    assert result["ece"] == (pytest.approx(error) if spans else None)


def test_scores_are_compared_for_spans_that_were_not_found_too():
    first, second, third = (LabelledSpan(i, i + 1, "A") for i in range(3))
    found, low = {first: 0.75, third: 0.75}, {second: 0.25}
    document = judged_document({first, second}, found, low)
    calibration = evaluate_spans(Judgement([document], 0.1, 0, []))["calibration"]
    assert calibration["ece"] == pytest.approx((2 * 0.25 + 0.75) / 3)
    assert calibration["ece_of_found"] == pytest.approx(0.25)
    assert (calibration["lowest"], calibration["spans"]) == (0.1, 3)


def test_a_span_without_a_token_has_a_length_of_its_own():
    document = judged_document({LabelledSpan(3, 3, "A")}, {}, {})
    report = evaluate_spans(Judgement([document], 0.01, 0, []))
    assert {name: part["missed"] for name, part in report["lengths"].items()} == {"0": 1}
