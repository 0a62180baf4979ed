import subprocess
import sys

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.pipeline.gold import (
    EMPTY,
    MISALIGNED,
    NO_VECTOR,
    TOO_LONG,
    WHITESPACE,
    GoldReader,
    check_labels,
)
from spacy_globalpointer.spans import LabelledSpan

VOCAB = spacy.blank("en").vocab


def _example(predicted, reference, spans, key="sc"):
    """Words without spaces between them; None for no group."""
    documents = [
        Doc(VOCAB, words=words, spaces=[False] * len(words)) for words in (predicted, reference)
    ]
    if spans is not None:
        documents[1].spans[key] = [Span(documents[1], s, e, label="X") for s, e in spans]
    return Example(*documents)


@pytest.mark.parametrize(
    ("predicted", "reference", "spans", "found"),
    [
        (["ab", "c"], ["ab", "c"], [(0, 1), (0, 2)], {(0, 1), (0, 2)}),
        (["ab", "c"], ["a", "b", "c"], [(0, 2), (0, 3)], {(0, 1), (0, 2)}),
        (["ab", "c"], ["a", "b", "c"], [(0, 1), (1, 3)], set()),
        (["a", "b", "c"], ["ab", "c"], [(0, 1), (1, 2)], {(0, 2), (2, 3)}),
        (["a", "bc"], ["ab", "c"], [(0, 1), (0, 2)], {(0, 2)}),
        (["ab", "c"], ["ab", "c"], [(0, 1), (0, 1)], {(0, 1)}),
        (["ab"], ["ab"], [], set()),
        ([], [], [], set()),
    ],
)
def test_spans_on_other_tokens(predicted, reference, spans, found):
    reader = GoldReader("sc", None)
    gold = reader.read(_example(predicted, reference, spans))
    assert gold == {LabelledSpan(*extent, "X") for extent in found}
    assert reader.lost["X", MISALIGNED] == len(set(spans)) - len(found)


def test_a_missing_group_is_none_and_an_empty_one_is_empty():
    reader = GoldReader("sc", None)
    assert reader.read(_example(["a"], ["a"], None)) is None
    assert reader.read(_example(["a"], ["a"], [(0, 1)], key="other")) is None
    assert reader.documents == 0
    assert reader.read(_example(["a"], ["a"], [])) == set()
    assert reader.documents == 1


def test_a_span_without_a_label_is_named_with_its_document():
    example = _example(["ab", "c"], ["ab", "c"], [])
    example.reference.spans["sc"] = [Span(example.reference, 0, 1)]
    with pytest.raises(
        ValueError, match=r"must have a label .*was: '' for 'ab' in .*'abc'\. To fix"
    ):
        GoldReader("sc", None).read(example)


def test_what_cannot_be_learned_is_counted_by_label_and_reason():
    words = ["a", " ", "b", "c", "d"]
    reader = GoldReader("sc", 2)
    gold = reader.read(_example(words, words, [(0, 2), (1, 3), (0, 3), (2, 5), (3, 4), (5, 5)]))
    assert gold == {LabelledSpan(3, 4, "X")}
    assert reader.lost == {("X", WHITESPACE): 2, ("X", TOO_LONG): 2, ("X", EMPTY): 1}
    assert reader.labels == {"X"}
    assert reader.longest == 1
    message = "'pipe' cannot learn 5 of 6 gold spans, and will miss them: 2 are longer than max_"
    assert reader.describe_lost("pipe").startswith(message)


def test_spans_on_tokens_without_a_vector_are_counted():
    reader = GoldReader("sc", None)
    words = ["a", "b", "c"]
    has_vector = [True, False, True]
    gold = reader.read(_example(words, words, [(0, 1), (0, 2), (1, 3), (0, 3)]), has_vector)
    assert gold == {LabelledSpan(0, 1, "X"), LabelledSpan(0, 3, "X")}
    assert reader.lost == {("X", NO_VECTOR): 2}
    assert reader.spans == 2


@pytest.mark.parametrize(
    ("predicted", "reference", "spans"),
    [
        (["a", " ", "b", "c"], ["a", " ", "bc"], [(0, 2), (1, 3), (0, 3)]),
        (["a", "\n", " ", "b", "c"], ["a", "\n ", "bc"], [(0, 2), (1, 3), (1, 2), (0, 3)]),
    ],
)
def test_white_space_at_the_ends_of_a_span_is_not_learned_on_other_tokens_either(
    predicted, reference, spans
):
    reader = GoldReader("sc", None)
    gold = reader.read(_example(predicted, reference, spans))
    assert gold == {LabelledSpan(0, len(predicted), "X")}
    assert reader.lost == {("X", WHITESPACE): len(spans) - 1}


def test_unknown_labels_are_named():
    gold = {LabelledSpan(1, 3, "X")}
    check_labels("pipe", ["Y", "X"], gold)
    with pytest.raises(ValueError, match=r"'pipe' does not know the label 'X'.*labels are: Y"):
        check_labels("pipe", ["Y"], gold)


def test_gold_is_read_without_torch():
    """As `debug` does, on a machine that does not train."""
    script = "import sys; sys.modules['torch'] = None; import spacy_globalpointer.pipeline.gold"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
