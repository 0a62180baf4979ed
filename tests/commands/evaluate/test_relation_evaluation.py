"""The numbers of relations, beside the scorer and definitions by loops."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_globalpointer import Relation, set_relations
from spacy_globalpointer.commands.evaluate.judged import Judgement
from spacy_globalpointer.commands.evaluate.judged_relations import JudgedRelations
from spacy_globalpointer.commands.evaluate.relation_evaluation import (
    evaluate_relations,
    find_distance,
    name_relation_errors,
)
from spacy_globalpointer.pipeline.relation_scorer import compare_relations, score_relations
from spacy_globalpointer.spans import Counts, LabelledRelation, LabelledSpan, turn_forward

VOCAB = Vocab()
WORDS = "a b c d e f g h i j k l".split()
SYMMETRIC = ["S"]
SPANS = st.tuples(st.integers(0, 6), st.integers(1, 4), st.sampled_from("AB")).map(
    lambda cell: LabelledSpan(cell[0], cell[0] + cell[1], cell[2])
)
EDGES = st.builds(LabelledRelation, SPANS, SPANS, st.sampled_from(["X", "Y", "S"])).map(
    lambda edge: turn_forward(edge) if edge.label in SYMMETRIC else edge
)
PAIRS = st.lists(
    st.tuples(
        st.sets(EDGES, max_size=5),
        st.dictionaries(EDGES, st.floats(0, 1, width=32), max_size=5),
        st.sets(SPANS, max_size=3),
    ),
    min_size=1,
    max_size=3,
)


def make_examples(pairs):
    for gold, found, _ in pairs:
        predicted, reference = Doc(VOCAB, words=WORDS), Doc(VOCAB, words=WORDS)
        for doc, edges in ((reference, gold), (predicted, found)):
            relations = (Relation(Span(doc, *e.head), Span(doc, *e.child), e.label) for e in edges)
            set_relations(doc, relations)
        yield Example(predicted, reference)


def judge_all(pairs):
    documents = []
    for example, (gold, found, spans) in zip(make_examples(pairs), pairs, strict=True):
        gold = gold | set(list(found)[:2])
        (example,) = make_examples([(gold, found, spans)])
        views = compare_relations(example, "relations", SYMMETRIC)
        documents.append(
            JudgedRelations(
                1,
                example.reference,
                [0],
                dict.fromkeys(gold),
                found,
                found,
                gold_spans={s for edge in gold for s in edge[:2]},
                found_spans={s for edge in found for s in edge[:2]} | spans,
                views={name: Counts.compare(*pair) for name, pair in views.items()},
                given=set(list(gold)[:1]),
            )
        )
    return Judgement(documents, 0.01, 0, [])


@given(PAIRS)
def test_totals_are_those_of_the_scorer(pairs):
    judgement = judge_all(pairs)
    ours = evaluate_relations(judgement, SYMMETRIC)
    examples = make_examples([(d.gold, d.found, ()) for d in judgement.documents])
    theirs = {
        name.removeprefix("relations_"): score
        for name, score in score_relations(list(examples), symmetric=SYMMETRIC).items()
    }
    scores = ours["scores"]
    for part in "prf":
        assert scores["strict"][part] == pytest.approx(theirs[part] or 0)
        for view in ("boundary", "text"):
            assert scores[view][part] == pytest.approx(theirs[f"{view}_{part}"] or 0)
    assert scores["strict"]["macro_f"] == pytest.approx(theirs["macro_f"] or 0)
    for part in ("nested", "cross_sentence"):
        assert scores[part]["r"] == pytest.approx(theirs[f"{part}_r"] or 0)
    assert ours["labels"].keys() == (theirs["per_type"] or {}).keys()
    for label, counts in (theirs["per_type"] or {}).items():
        assert {part: ours["labels"][label][part] for part in "prf"} == pytest.approx(counts)


@given(PAIRS)
def test_parts_add_up(pairs):
    judgement = judge_all(pairs)
    ours = evaluate_relations(judgement, SYMMETRIC)
    strict = ours["scores"]["strict"]
    for parts in (ours["labels"], ours["distances"]):
        for count in ("right", "wrong", "missed"):
            assert sum(counts[count] for counts in parts.values()) == strict[count]
    errors = Counter(ours["errors"])
    missed = errors["missed"] + errors["missed span"]
    assert missed == strict["missed"]
    assert sum(errors.values()) - missed == strict["wrong"]
    calibration = ours["calibration"]
    assert calibration["relations"] == sum(len(d.found) for d in judgement.documents)
    given_spans = ours["scores"]["given_spans"]
    assert given_spans["right"] == sum(bool(d.gold) for d in judgement.documents)
    lost = sum(
        not {edge.head, edge.child} <= document.found_spans
        for document in judgement.documents
        for edge in document.gold
    )
    assert errors["missed span"] == lost


A, B, C = LabelledSpan(0, 2, "PER"), LabelledSpan(4, 5, "ORG"), LabelledSpan(7, 9, "ORG")
NEAR_A, AS_ORG = LabelledSpan(1, 2, "PER"), LabelledSpan(0, 2, "ORG")


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ((A, B, "IN"), "label"),
        ((B, A, "WORKS"), "direction"),
        ((B, A, "IN"), "spurious"),
        ((NEAR_A, B, "WORKS"), "span"),
        ((AS_ORG, B, "WORKS"), "span"),
        ((B, NEAR_A, "WORKS"), "spurious"),
        ((A, C, "WORKS"), "label"),
        ((NEAR_A, B, "IN"), "spurious"),
        # Without direction.
        ((C, A, "IN"), "label"),
        ((A, C, "IN"), "label"),
        ((C, NEAR_A, "MET"), "span"),
        ((A, B, "MET"), "label"),
    ],
)
def test_kinds_of_wrong_relations(found, kind):
    gold = {LabelledRelation(A, B, "WORKS"), LabelledRelation(A, C, "MET")}
    found = LabelledRelation(*found)
    kinds = dict(name_relation_errors(gold, {found}, {A, B}, ["MET"]))
    assert kinds.pop(found) == kind
    assert kinds == {
        LabelledRelation(A, B, "WORKS"): "missed",
        LabelledRelation(A, C, "MET"): "missed span",
    }


def test_what_is_found_excuses_no_wrong_relation():
    """An error is named after relations that were missed only."""
    gold = {LabelledRelation(A, B, "WORKS")}
    wrong = LabelledRelation(A, B, "IN")
    assert dict(name_relation_errors(gold, {*gold, wrong}, {A, B}, [])) == {wrong: "spurious"}


@pytest.mark.parametrize(
    ("head", "child", "distance"),
    [((0, 2), (2, 3), 0), ((0, 3), (2, 4), 0), ((0, 1), (2, 3), 1), ((9, 9.5), (0, 2.5), 4)],
)
def test_distances_are_tokens_between(head, child, distance):
    edge = LabelledRelation(LabelledSpan(*head, ""), LabelledSpan(*child, ""), "X")
    assert find_distance(edge) == distance
