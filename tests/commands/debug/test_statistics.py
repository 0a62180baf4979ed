from collections import Counter

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from samples import make_examples
from test_spans import crosses, depth, holds

from spacy_globalpointer.commands.debug.encoder import Encoder, EncoderStatistics, Window
from spacy_globalpointer.commands.debug.gold import read_example, read_record
from spacy_globalpointer.commands.debug.statistics import (
    CROSSING,
    INSIDE,
    NESTED,
    SAME_BORDERS,
    SAME_LABEL,
    SplitStatistics,
    count_nesting,
    length_of_share,
)
from spacy_globalpointer.corpora import Record
from spacy_globalpointer.spans import LabelledSpan

EN = spacy.blank("en")
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)
SPANS = st.sets(
    st.tuples(st.integers(0, 8), st.integers(1, 5), st.sampled_from("AB")).map(
        lambda span: LabelledSpan(span[0], span[0] + span[1], span[2])
    ),
    max_size=12,
)


@given(SPANS)
def test_relations_are_those_of_every_pair_of_spans(spans):
    depths, relations = count_nesting(spans)

    def count(relation):
        return sum(any(relation(a, b) for b in spans if a != b) for a in spans)

    assert depths == Counter(depth(span[:2], {s[:2] for s in spans}) for span in spans)
    assert relations == {
        NESTED: count(lambda a, b: holds(a[:2], b[:2]) or holds(b[:2], a[:2])),
        INSIDE: count(lambda a, b: holds(b[:2], a[:2])),
        SAME_LABEL: count(
            lambda a, b: a[2] == b[2] and (holds(a[:2], b[:2]) or holds(b[:2], a[:2]))
        ),
        CROSSING: count(lambda a, b: crosses(a[:2], b[:2])),
        SAME_BORDERS: count(lambda a, b: a[:2] == b[:2]),
    }


@given(LENGTHS, st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.99, 1.0]))
def test_length_of_share_is_the_smallest_that_keeps_the_share(lengths, share):
    length = length_of_share(Counter(lengths), share)
    assert length == numpy.percentile(lengths, 100 * share, method="inverted_cdf")


def test_a_share_that_is_reached_exactly_is_kept():
    for share in (0.9, 0.95, 0.99):
        for total in range(100, 3000, 100):
            kept = round(share * total)
            assert length_of_share(Counter({1: kept, 2: total - kept}), share) == 1


def statistics(texts, other=None):
    split = SplitStatistics({"sc": None}, other)
    for text in texts:
        split.add(text)
    return split


def test_the_counts_of_the_samples():
    split = statistics(read_example(example, ["sc"]) for example in make_examples(EN))
    report = split.to_dict()
    assert (report["documents"], report["tokens"]) == (5, 36)
    assert report["group_names"] == {"sc": 5}
    group = report["groups"]["sc"]
    assert group["labels"] == {"ORG": 4, "PERSON": 3, "GPE": 3}
    assert group["depths"] == {"1": 7, "2": 2, "3": 1}
    assert group["relations"] == {
        NESTED: 5,
        INSIDE: 3,
        SAME_LABEL: 2,
        CROSSING: 2,
        SAME_BORDERS: 2,
    }
    # Ulm, Rome, Victoria twice; Anna Berg, Rome lovers; University ..; City ..; old ..; Bank ..
    assert group["lengths"] == {"1": 4, "2": 2, "3": 2, "4": 1, "6": 1}
    assert group["length_of_share"]["50%"] == 2
    assert group["length_of_share"]["100%"] == 6
    assert group["longest_by_label"] == {"GPE": 1, "ORG": 6, "PERSON": 4}
    assert group["documents_with_empty_group"] == 1
    assert group["documents_without_group"] == 0
    assert group["most_spans_of_a_document"] == 3
    assert group["lost"] == 0


def test_missing_and_empty_groups_are_counted_apart():
    records = [Record("a b"), Record("a b c", ()), Record("a", ((0, 1, "X"),)), Record("d")]
    split = statistics(read_record(record, EN, "sc") for record in records)
    group = split.groups["sc"]
    assert (group.n_missing, group.n_empty, group.n_spans) == (2, 1, 1)
    assert split.names == {"sc": 2}
    assert split.lengths == {2: 1, 3: 1, 1: 2}


def text(words):
    return read_record(Record(words), EN, "sc")


def test_documents_without_text_are_no_copies():
    first = statistics([text(""), text(" "), text("")])
    second = statistics([text(""), text("\n")], other=first)
    assert (first.n_repeated, second.n_repeated, second.n_leaked) == (0, 0, 0)


def test_the_same_text_is_found_whatever_its_white_space():
    train = statistics([text("a b"), text("a  b\n"), text("c")])
    dev = statistics([text(" a b"), text("ab"), text("c"), text("c")], other=train)
    assert (train.n_repeated, train.n_leaked) == (1, 0)
    assert (dev.n_repeated, dev.n_leaked, dev.leaked) == (1, 3, ["a b", "c"])


@pytest.mark.parametrize(
    ("window", "n_cut"), [(Window(4, 3, "tokens"), 3), (Window(4, 3, "pieces"), 1), (None, 0)]
)
def test_spans_that_no_window_holds(window, n_cut):
    # Windows of tokens: 0-4, 3-7, 6-10.
    places = (0, 4), (2, 5), (3, 7), (5, 8), (0, 5), (6, 9)
    statistics = EncoderStatistics(Encoder(window))
    doc = spacy.tokens.Doc(EN.vocab, words=["a"] * 10)
    statistics.add(doc, {LabelledSpan(start, end, "A") for start, end in places})
    assert statistics.n_cut == n_cut


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 8), st.data())
def test_windows_hold_what_those_of_spacy_transformers_hold(length, stride, more, data):
    getters = pytest.importorskip("spacy_transformers.span_getters")
    doc = spacy.tokens.Doc(EN.vocab, words=["a"] * length)
    (windows,) = getters.get_strided_spans([doc], stride + more, stride)
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start + 1, length))
    expected = any(window.start <= start and end <= window.end for window in windows)
    assert Window(stride + more, stride, "tokens").holds(start, end) == expected
