import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.pipeline.spancat import spancat_score
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_globalpointer.pipeline.scorer import score_span_groups
from spacy_globalpointer.spans import nested_extents

VOCAB = spacy.blank("en").vocab
CELLS = st.sets(
    st.tuples(st.integers(0, 4), st.integers(1, 3)).map(lambda cell: (cell[0], sum(cell))),
    max_size=6,
)
SPANS = st.none() | st.sets(
    st.tuples(st.integers(0, 4), st.integers(5, 6), st.sampled_from("AB")), max_size=6
)


def _example(gold, predicted, key="k"):
    documents = [Doc(VOCAB, words=list("abcdef")) for _ in range(2)]
    for document, spans in zip(documents, (predicted, gold), strict=True):
        if spans is not None:
            document.spans[key] = [Span(document, s, e, label=c) for s, e, c in sorted(spans)]
    return Example(*documents)


@pytest.mark.filterwarnings("ignore:nothing was scored")
@given(st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=3))
def test_shared_keys_equal_those_of_spancat(cases):
    examples = [_example(*case) for case in cases]
    ours = score_span_groups(examples, spans_key="k")
    theirs = spancat_score(examples, spans_key="k", allow_overlap=True)
    per_type = theirs.pop("spans_k_per_type")
    assert {key: ours[key] for key in theirs} == pytest.approx(theirs, abs=1e-12)
    assert (ours["spans_k_per_type"] or {}).keys() == (per_type or {}).keys()
    for label, scores in (per_type or {}).items():
        assert ours["spans_k_per_type"][label] == pytest.approx(scores, abs=1e-12)
    assert set(theirs) == {f"spans_k_{part}" for part in "prf"}


@given(CELLS)
def test_nested_extents_by_brute_force(cells):
    expected = {
        a
        for a in cells
        for b in cells
        if a != b and ((a[0] <= b[0] and b[1] <= a[1]) or (b[0] <= a[0] and a[1] <= b[1]))
    }
    assert nested_extents(cells) == expected


def test_extra_keys():
    gold = {(0, 3, "A"), (1, 2, "A"), (3, 5, "B"), (5, 6, "A")}
    predicted = {(0, 3, "A"), (1, 2, "B"), (3, 5, "B"), (3, 5, "A")}
    scores = score_span_groups(
        [_example(gold, predicted), _example(None, predicted)], spans_key="k"
    )
    assert scores["spans_k_nested_r"] == pytest.approx(0.5)
    assert scores["spans_k_flat_r"] == pytest.approx(0.5)
    assert scores["spans_k_boundary_p"] == pytest.approx(1.0)
    assert scores["spans_k_boundary_r"] == pytest.approx(0.75)
    per_type = scores["spans_k_per_type"]
    assert scores["spans_k_macro_f"] == pytest.approx((per_type["A"]["f"] + per_type["B"]["f"]) / 2)
    assert "ents_f" not in scores


def test_without_gold_every_score_is_none():
    """As if the group of the dev set had another name: it would seem that nothing is learned."""
    with pytest.warns(
        UserWarning, match=r"nothing was scored: doc.spans\['k'\] is in none of the 1"
    ):
        scores = score_span_groups([_example(None, {(0, 3, "A")})], spans_key="k")
    assert set(scores.values()) == {None}
    assert set(score_span_groups([], spans_key="k").values()) == {None}


def test_without_nested_gold_only_that_recall_is_none():
    scores = score_span_groups([_example({(0, 5, "A")}, set())], spans_key="k")
    assert scores["spans_k_nested_r"] is None
    assert scores["spans_k_flat_r"] == 0.0


def test_scorer_is_registered():
    assert registry.scorers.get("spacy_globalpointer.span_scorer.v1")() is score_span_groups


def test_a_span_that_is_predicted_twice_counts_once():
    example = _example({(0, 3, "A")}, {(0, 3, "A"), (4, 5, "A")})
    group = example.predicted.spans["k"]
    example.predicted.spans["k"] = [*group, *group]
    assert score_span_groups([example], spans_key="k")["spans_k_p"] == pytest.approx(0.5)
