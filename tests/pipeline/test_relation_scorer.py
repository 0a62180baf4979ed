import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_globalpointer import Relation, set_relations
from spacy_globalpointer.pipeline.relation_scorer import score_relations

VOCAB = spacy.blank("en").vocab
WORDS = ["a", "b", "a", "c", "b", "a"]


def make_doc(relations, words=WORDS, sentences=None, key="relations"):
    """A document; relations: (start, end, label) of head and of child, label; None for none."""
    doc = Doc(VOCAB, words=words, sent_starts=sentences)
    if relations is not None:
        made = [
            Relation(*(Span(doc, s, e, label=x) for s, e, x in ends), label)
            for *ends, label in relations
        ]
        set_relations(doc, made, key)
    return doc


def make_example(gold, found, **options):
    return Example(make_doc(found), make_doc(gold, **options))


def score(*cases, symmetric=()):
    return score_relations([make_example(*case) for case in cases], symmetric=symmetric)


A, B, C = (0, 1, "X"), (1, 3, "Y"), (3, 4, "X")


def test_a_relation_on_a_missed_span_is_missed():
    scores = score(([(A, B, "p"), (B, C, "p")], [(A, B, "p")]))
    assert (scores["relations_p"], scores["relations_r"]) == (1.0, 0.5)


def test_without_a_prediction_all_relations_are_missed():
    scores = score(([(A, B, "p")], None))
    assert (scores["relations_f"], scores["relations_boundary_f"]) == (0.0, 0.0)


def test_documents_that_are_not_annotated_are_left_out():
    scores = score((None, [(A, B, "p")]), ([(A, B, "p")], [(A, B, "p")]))
    assert scores["relations_f"] == 1.0
    with pytest.warns(UserWarning, match=r"doc.spans\['relations'\] is in none of the 1 gold"):
        assert set(score((None, [(A, B, "p")])).values()) == {None}
    assert set(score_relations([]).values()) == {None}


def test_an_annotated_document_without_relations_makes_any_prediction_wrong():
    assert set(score(([], [])).values()) == {None}
    scores = score(([], [(A, B, "p")]))
    assert (scores["relations_p"], scores["relations_f"]) == (0.0, 0.0)
    assert scores["relations_nested_r"] is None


def test_direction_counts_unless_the_label_is_symmetric():
    case = ([(A, B, "p"), (A, B, "q")], [(B, A, "p"), (A, B, "p"), (B, A, "q")])
    assert score(case)["relations_p"] == pytest.approx(1 / 3)
    scores = score(case, symmetric=["p"])
    assert (scores["relations_p"], scores["relations_r"]) == (0.5, 0.5)
    assert score(case, symmetric=["p", "q"])["relations_f"] == 1.0


def test_what_boundary_and_text_forgive():
    other = (0, 1, "Z")
    again = (2, 3, "X")  # another mention of the first word
    scores = score(([(A, C, "p")], [(other, C, "p")]))
    assert (scores["relations_f"], scores["relations_boundary_f"]) == (0.0, 1.0)
    assert scores["relations_text_f"] == 1.0
    scores = score(([(A, C, "p")], [(again, C, "p")]))
    assert (scores["relations_boundary_f"], scores["relations_text_f"]) == (0.0, 1.0)
    scores = score(([(A, C, "p")], [(A, C, "q")]))
    assert (scores["relations_boundary_f"], scores["relations_text_f"]) == (0.0, 0.0)


def test_several_mentions_of_the_same_words_are_one_relation_of_texts():
    scores = score(([(A, C, "p"), ((2, 3, "X"), C, "p")], [(A, C, "p")]))
    assert (scores["relations_r"], scores["relations_text_r"]) == (0.5, 1.0)


def test_per_type_and_macro():
    scores = score(([(A, B, "p"), (B, C, "q")], [(A, B, "p"), (A, C, "r")]))
    per_type = scores["relations_per_type"]
    assert {label: own["f"] for label, own in per_type.items()} == {"p": 1.0, "q": 0.0, "r": 0.0}
    assert scores["relations_macro_f"] == pytest.approx(1 / 3)


def test_recall_of_nested_arguments():
    wide, inner = (0, 4, "X"), (1, 2, "Y")
    gold = [(wide, (5, 6, "X"), "p"), ((4, 5, "X"), inner, "p"), ((4, 5, "X"), (5, 6, "X"), "p")]
    scores = score((gold, gold[:1]))
    assert scores["relations_nested_r"] == 0.5
    assert score((gold[2:], []))["relations_nested_r"] is None


@pytest.mark.parametrize("side", ["reference", "predicted"])
def test_recall_across_sentences(side):
    sentences = [True, False, False, True, False, False]
    gold = [(A, B, "p"), (A, C, "p"), (B, C, "p"), ((2, 4, "Y"), A, "p")]
    docs = [make_doc(gold[:2], sentences=sentences if side == "predicted" else None)]
    docs.append(make_doc(gold, sentences=sentences if side == "reference" else None))
    scores = score_relations([Example(*docs)])
    assert scores["relations_cross_sentence_r"] == pytest.approx(1 / 3)
    assert score((gold, gold))["relations_cross_sentence_r"] is None  # no sentences are known


def test_sentences_of_other_tokens():
    reference = make_doc([((0, 1, "X"), (2, 3, "X"), "p")], words=["a", "bc", "d"])
    predicted = make_doc(None, words=["a", "b", "c", "d"], sentences=[True, False, False, True])
    scores = score_relations([Example(predicted, reference)])
    assert scores["relations_cross_sentence_r"] == 0.0


def test_a_relation_of_white_space_behind_other_tokens():
    reference = Doc(VOCAB, words=["a", "b", "\n"], spaces=[True, False, False])
    set_relations(reference, [Relation(reference[2:3], reference[0:1], "p")])
    predicted = Doc(VOCAB, words=["a", "b"], sent_starts=[True, True])
    scores = score_relations([Example(predicted, reference)])
    assert scores["relations_r"] == 0.0


def test_predicted_tokens_may_be_others():
    reference = make_doc([((0, 1, "X"), (1, 3, "Y"), "p")], words=["ab", "c", "d"])
    predicted = make_doc(
        [((0, 2, "X"), (2, 3, "Y"), "p"), ((0, 1, "X"), (2, 3, "Y"), "p")],
        words=["a", "b", "cd"],
    )
    scores = score_relations([Example(predicted, reference)])
    assert (scores["relations_p"], scores["relations_r"]) == (0.5, 1.0)
    assert scores["relations_text_p"] == 0.5


def test_the_key_names_the_scores():
    docs = [make_doc([(A, B, "p")], key="edges") for _ in range(2)]
    scores = score_relations([Example(*docs)], relations_key="edges")
    assert scores["edges_f"] == scores["edges_macro_f"] == 1.0
    assert all(name.startswith("edges_") for name in scores)


def test_scorer_is_registered():
    name = "spacy_globalpointer.relation_scorer.v1"
    assert registry.scorers.get(name)() is score_relations


SPANS = st.tuples(st.integers(0, 5), st.integers(1, 3), st.sampled_from("XY")).map(
    lambda x: (x[0], min(6, x[0] + x[1]), x[2])
)
RELATIONS = st.lists(st.tuples(SPANS, SPANS, st.sampled_from("pqr")), max_size=6)
SENTENCES = st.lists(st.booleans(), min_size=5, max_size=5).map(lambda rest: [True, *rest])


def count(gold, found, is_same):
    """Right, wrong and missed relations, each distinct one once, by comparing all with all."""

    def distinct(relations):
        kept = []
        for one in relations:
            if not any(is_same(one, other) for other in kept):
                kept.append(one)
        return kept

    gold, found = distinct(gold), distinct(found)
    right = sum(any(is_same(one, other) for other in found) for one in gold)
    return right, len(found) - right, len(gold) - right


def same(view):
    def is_same(one, other):
        if one[2] != other[2]:
            return False
        ends, others = [view(x) for x in one[:2]], [view(x) for x in other[:2]]
        return ends == others or (one[2] == "q" and ends == others[::-1])

    return is_same


def contains(a, b):
    return a[0] <= b[0] and b[1] <= a[1] and a[:2] != b[:2]


@pytest.mark.filterwarnings("ignore:nothing was scored")
@given(st.lists(st.tuples(st.none() | RELATIONS, RELATIONS, SENTENCES), min_size=1, max_size=3))
def test_scores_by_brute_force(cases):
    examples = [make_example(g, f, sentences=sentences) for g, f, sentences in cases]
    scores = score_relations(examples, symmetric=["q"])
    views = {
        "": lambda span: span,
        "boundary_": lambda span: span[:2],
        "text_": lambda span: WORDS[span[0] : span[1]],
    }
    cases = [case for case in cases if case[0] is not None]
    for name, view in views.items():
        counts = [count(gold, found, same(view)) for gold, found, _ in cases]
        check(counts, {part: scores[f"relations_{name}{part}"] for part in "prf"})
    for label in "pqr":
        own = [[[x for x in side if x[2] == label] for side in case[:2]] for case in cases]
        counts = [count(gold, found, same(views[""])) for gold, found in own]
        if any(map(any, counts)):
            check(counts, scores["relations_per_type"][label])
        else:
            assert label not in (scores["relations_per_type"] or {})
    nested, crossing = [], []
    for gold, found, sentences in cases:
        ends = [span for relation in gold for span in relation[:2]]
        hard = [
            relation
            for relation in gold
            if any(contains(a, b) or contains(b, a) for a in relation[:2] for b in ends)
        ]
        nested.append(count(hard, found, same(views[""])))
        across = [
            relation
            for relation in gold
            if any(
                sentences[i]
                for i in range(
                    min(span[0] for span in relation[:2]) + 1,
                    max(span[1] for span in relation[:2]),
                )
            )
        ]
        crossing.append(count(across, found, same(views[""])))
    for name, counts in (("nested", nested), ("cross_sentence", crossing)):
        right, missed = sum(c[0] for c in counts), sum(c[2] for c in counts)
        expected = right / (right + missed) if right + missed else None
        assert scores[f"relations_{name}_r"] == pytest.approx(expected)


def check(counts, scores):
    """Precision, recall and F against their definitions."""
    right, wrong, missed = (
        (sum(column) for column in zip(*counts, strict=True)) if counts else (0,) * 3
    )
    if not right + wrong + missed:
        assert set(scores.values()) == {None}
        return
    p = right / (right + wrong) if right + wrong else 0.0
    r = right / (right + missed) if right + missed else 0.0
    f = 2 * p * r / (p + r) if p + r else 0.0
    assert scores == pytest.approx({"p": p, "r": r, "f": f})
