from itertools import pairwise

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span, SpanGroup, Token
from spacy.training import Corpus

from spacy_globalpointer import (
    Argument,
    Event,
    Relation,
    get_events,
    get_relations,
    has_events,
    has_relations,
    set_events,
    set_relations,
)
from spacy_globalpointer.training.reader import SpanCorpus, cut_doc, make_span_corpus

NLP = spacy.blank("en")
Token.set_extension("mark", default=None, force=True)


def make_doc(n_tokens, spans=(), sent_starts=None, key="sc", **options):
    words = [f"w{i}" for i in range(n_tokens)]
    starts = sent_starts and [i in sent_starts for i in range(n_tokens)]
    doc = Doc(NLP.vocab, words=words, sent_starts=starts, **options)
    doc.spans[key] = [Span(doc, start, end, label="X") for start, end in spans]
    return doc


def save(path, *docs):
    DocBin(docs=docs).to_disk(path)
    return path


def lengths(pieces):
    return [len(piece) for piece in pieces]


def collect(pieces):
    """Tokens and spans of pieces, as they were in the document."""
    tokens, spans, begin = [], {}, 0
    for piece in pieces:
        tokens.extend(token.text_with_ws for token in piece)
        for key, group in piece.spans.items():
            spans.setdefault(key, []).extend(
                (s.start + begin, s.end + begin, s.label_, s.kb_id_, s.id_) for s in group
            )
        begin += len(piece)
    return tokens, {key: sorted(group) for key, group in spans.items()}


@pytest.mark.parametrize(
    ("spans", "sent_starts", "expected"),
    [
        ([], None, [4, 4, 2]),
        ([], [0, 3, 5, 9], [3, 2, 4, 1]),
        ([], [0, 2, 4, 8], [4, 4, 2]),  # the last sentence start that fits
        ([], [0, 9], [4, 4, 2]),  # a sentence that is too long is cut anywhere
        ([(2, 5)], None, [2, 4, 4]),
        ([(2, 5)], [0, 4, 5], [2, 3, 4, 1]),  # no sentence starts inside a span
        ([(0, 7)], None, [7, 3]),  # a span longer than the window
        ([(1, 8)], None, [1, 7, 2]),
        ([(1, 5), (4, 9)], None, [1, 8, 1]),
        ([(0, 10)], None, [10]),
        ([(0, 10)], [0, 2, 4], [10]),
        ([(9, 10)], None, [4, 4, 2]),
    ],
)
def test_pieces_end_at_sentences_and_never_in_a_span(spans, sent_starts, expected):
    pieces = cut_doc(make_doc(10, spans, sent_starts), 4)
    assert lengths(pieces) == expected
    assert [(s, e) for s, e, *_ in collect(pieces)[1]["sc"]] == spans


def test_entities_are_not_cut_either():
    doc = make_doc(6)
    doc.ents = [Span(doc, 2, 5, label="PER")]
    pieces = cut_doc(doc, 3)
    assert lengths(pieces) == [2, 3, 1]
    assert [(ent.start, ent.end) for ent in pieces[1].ents] == [(0, 3)]


def test_a_document_that_fits_is_left_alone():
    doc = make_doc(4)
    assert cut_doc(doc, 4) == cut_doc(doc, 0) == [doc]
    assert lengths(cut_doc(doc, 3)) == [3, 1]


def test_every_piece_has_every_group():
    doc = make_doc(6, [(0, 1)])
    doc.spans["empty"] = []
    for piece in cut_doc(doc, 2):
        assert set(piece.spans) == {"sc", "empty"}
    assert all(not piece.spans for piece in cut_doc(Doc(NLP.vocab, words=["a"] * 5), 2))


def test_what_is_known_of_spans_and_groups_is_kept():
    doc = make_doc(5, key="other", spaces=[True] * 5)
    spans = [
        Span(doc, 3, 5, label="A", kb_id="Q1", span_id="7"),
        Span(doc, 0, 1, label="B"),
        Span(doc, 4, 5, label="C"),
    ]
    attrs = {"scores": numpy.array([0.5, 0.25, 0.75]), "by": ["a", "b", "c"]}
    doc.spans["sc"] = SpanGroup(doc, name="gold", attrs=attrs, spans=spans)
    first, second = cut_doc(doc, 3)
    assert [span.label_ for span in second.spans["sc"]] == ["A", "C"]
    span = second.spans["sc"][0]
    assert (span.start, span.end, span.kb_id_, span.id_) == (0, 2, "Q1", "7")
    assert [list(piece.spans["sc"].attrs["scores"]) for piece in (first, second)] == [
        [0.25],
        [0.5, 0.75],
    ]
    assert first.spans["sc"].attrs["by"] == ["a", "b", "c"]
    assert {piece.spans["sc"].name for piece in (first, second)} == {"gold"}


@pytest.mark.parametrize("scores", [0.5, "ab", numpy.array(0.5), None, [0.5]])
def test_scores_that_are_not_those_of_the_spans_are_left_as_they_are(scores):
    """What reads them says what is wrong."""
    doc = make_doc(4)
    spans = [Span(doc, 0, 1, label="A"), Span(doc, 3, 4, label="B")]
    doc.spans["sc"] = SpanGroup(doc, name="sc", attrs={"scores": scores}, spans=spans)
    pieces = cut_doc(doc, 2)
    assert [len(piece.spans["sc"]) for piece in pieces] == [1, 1]
    assert all(piece.spans["sc"].attrs["scores"] == scores for piece in pieces)


def relate(doc, *edges):
    relations = [Relation(doc[a : a + 1], doc[b : b + 1], label, 0.5) for a, b, label in edges]
    set_relations(doc, relations)
    return doc


def edges(piece):
    return [(x.head.start, x.child.start, x.label, x.score) for x in get_relations(piece)]


def test_relations_go_with_their_spans():
    doc = relate(make_doc(6), (5, 4, "x"), (0, 1, "y"), (1, 1, "z"))
    pieces = cut_doc(doc, 2)
    assert [edges(piece) for piece in pieces] == [
        [(0, 1, "y", 0.5), (1, 1, "z", 0.5)],
        [],
        [(1, 0, "x", 0.5)],
    ]
    assert all(map(has_relations, pieces))
    assert not any(map(has_relations, cut_doc(make_doc(6), 2)))


def test_relations_between_pieces_are_left_out_with_a_warning():
    doc = relate(make_doc(6), (0, 1, "x"), (1, 2, "y"), (0, 5, "z"))
    with pytest.warns(UserWarning, match=r"max_length = 2 cuts .*\['relations'\], .* a larger"):
        pieces = cut_doc(doc, 2)
    assert [edges(piece) for piece in pieces] == [[(0, 1, "x", 0.5)], [], []]
    assert edges(*cut_doc(doc, 6)) == [(0, 1, "x", 0.5), (1, 2, "y", 0.5), (0, 5, "z", 0.5)]


def test_events_go_with_their_triggers_and_lose_arguments_of_other_pieces():
    doc = make_doc(6)
    places = [Span(doc, i, i + 1, label=f"X{i}") for i in range(6)]
    events = [
        Event("X1", places[1], (Argument("a", places[0]), Argument("b", places[4])), 0.5),
        Event("X5", places[5], (), 0.5),
        Event("Y", None, (Argument("a", places[4]), Argument("b", places[4])), 0.5),
    ]
    set_events(doc, events)
    with pytest.warns(UserWarning, match=r"between spans of events .*leaves arguments out"):
        first, second = cut_doc(doc, 3)

    def show(piece):
        return [
            (e.type, e.trigger and e.trigger.start, [(r, s.start) for r, s in e.arguments], e.score)
            for e in get_events(piece)
        ]

    assert show(first) == [("X1", 1, [("a", 0)], 0.5)]
    assert show(second) == [("X5", 2, [], 0.5), ("Y", None, [("a", 1), ("b", 1)], 0.5)]
    assert not any(map(has_events, cut_doc(make_doc(6), 2)))


def test_the_reader_keeps_relations(tmp_path):
    path = save(tmp_path / "a.spacy", relate(make_doc(4), (0, 1, "x"), (3, 2, "y")))
    references = [example.reference for example in SpanCorpus(path, max_length=2)(NLP)]
    assert list(map(edges, references)) == [[(0, 1, "x", 0.5)], [(1, 0, "y", 0.5)]]


@pytest.mark.parametrize("spaces", [None, [True, False, False, True, False]])
def test_pieces_know_whether_spaces_are_known(spaces):
    doc = make_doc(5, spaces=spaces)
    for piece in cut_doc(doc, 2):
        assert piece.has_unknown_spaces == (spaces is None)


def test_sentences_entities_heads_and_extensions_are_kept():
    doc = Doc(
        NLP.vocab,
        words=list("abcdefg"),
        heads=[1, 1, 1, 4, 4, 4, 4],
        deps=["x", "ROOT", "y", "x", "ROOT", "y", "z"],
        tags=list("ABCDEFG"),
        ents=["B-P", "I-P", "O", "O", "O", "B-Q", "O"],
    )
    doc[3]._.set("mark", "here")
    pieces = cut_doc(doc, 3)
    assert lengths(pieces) == [3, 3, 1]
    tokens = [token for piece in pieces for token in piece]
    assert [token.tag_ for token in tokens] == list("ABCDEFG")
    assert [token.dep_ for token in tokens[:6]] == ["x", "ROOT", "y", "x", "ROOT", "y"]
    assert [token.head.i for token in tokens[:6]] == [1, 1, 1, 1, 1, 1]
    assert [[ent.text for ent in piece.ents] for piece in pieces] == [["a b"], ["f"], []]
    assert [token._.get("mark") for token in tokens] == [None] * 3 + ["here"] + [None] * 3


@st.composite
def docs(draw):
    n_tokens = draw(st.integers(1, 60))
    words = draw(
        st.lists(st.sampled_from(["a", "bc", ".", "\n"]), min_size=n_tokens, max_size=n_tokens)
    )
    spaces = draw(st.none() | st.lists(st.booleans(), min_size=n_tokens, max_size=n_tokens))
    starts = draw(st.none() | st.lists(st.booleans(), min_size=n_tokens, max_size=n_tokens))
    doc = Doc(NLP.vocab, words=words, spaces=spaces, sent_starts=starts)
    for key in draw(st.sets(st.sampled_from(["sc", "b", "c"]))):
        rows = draw(st.lists(st.tuples(st.integers(0, n_tokens), st.integers(0, 8)), max_size=5))
        doc.spans[key] = [
            Span(doc, start, min(start + length, n_tokens), label=f"L{i}", span_id=i)
            for i, (start, length) in enumerate(rows)
        ]
    return doc


@given(docs(), st.integers(0, 12))
def test_pieces_together_are_the_document(doc, max_length):
    pieces = cut_doc(doc, max_length)
    assert collect(pieces) == collect([doc])
    assert all(len(piece) for piece in pieces)
    borders = {0}
    for piece in pieces:
        borders.add(max(borders) + len(piece))
    inside = {i for group in doc.spans.values() for s in group for i in range(s.start + 1, s.end)}
    assert not borders & inside
    for begin, end in pairwise(sorted(borders)):
        if max_length and end - begin > max_length:  # only where the spans leave no other border
            assert set(range(begin + 1, end)) <= inside | set(range(begin + max_length + 1, end))
            assert set(range(begin + 1, end)) <= inside


def test_a_long_document_is_lost_by_spacy_and_kept_here(tmp_path):
    path = save(tmp_path / "train.spacy", make_doc(9, [(1, 3), (5, 8)]))
    assert not list(Corpus(path, max_length=4)(NLP))
    examples = list(make_span_corpus(path, max_length=4)(NLP))
    assert [len(example.reference) for example in examples] == [4, 4, 1]
    assert [len(example.reference.spans["sc"]) for example in examples] == [1, 1, 0]
    for example in examples:
        assert [t.text for t in example.predicted] == [t.text for t in example.reference]
        assert not example.predicted.spans


def test_sentences_lose_their_spans_in_spacy_and_keep_them_here(tmp_path):
    path = save(tmp_path / "train.spacy", make_doc(6, [(1, 3), (4, 6)], [0, 3]))
    assert [len(eg.reference.spans) for eg in Corpus(path, max_length=4)(NLP)] == [0, 0]
    ours = list(make_span_corpus(path, max_length=4)(NLP))
    assert [[(s.start, s.end) for s in eg.reference.spans["sc"]] for eg in ours] == [
        [(1, 3)],
        [(1, 3)],
    ]


def test_without_max_length_it_reads_what_spacy_reads(tmp_path):
    save(tmp_path / "a.spacy", make_doc(3, [(0, 1)]), make_doc(0), make_doc(40))
    save(tmp_path / "b.spacy", make_doc(5))
    ours = [collect([eg.reference]) for eg in make_span_corpus(tmp_path)(NLP)]
    assert ours == [collect([eg.reference]) for eg in Corpus(tmp_path)(NLP)]
    assert len(ours) == 3


def test_limit_counts_the_documents_of_all_files(tmp_path):
    save(tmp_path / "a.spacy", make_doc(1), make_doc(2))
    save(tmp_path / "b.spacy", make_doc(6), make_doc(4))
    save(tmp_path / "c.spacy", make_doc(5))
    corpus = make_span_corpus(tmp_path, limit=3, max_length=4)
    assert lengths(eg.reference for eg in corpus(NLP)) == [1, 2, 4, 2]


def test_shuffle_gives_the_same_documents_in_another_order(tmp_path):
    path = save(tmp_path / "a.spacy", *(make_doc(n) for n in range(1, 40)))
    shuffled = lengths(eg.reference for eg in make_span_corpus(path, shuffle=True)(NLP))
    assert shuffled != sorted(shuffled)
    assert sorted(shuffled) == list(range(1, 40))


def test_the_augmenter_sees_pieces(tmp_path):
    def twice(nlp, example):
        yield example
        yield example

    path = save(tmp_path / "a.spacy", make_doc(5))
    corpus = make_span_corpus(path, max_length=3, augmenter=twice)
    assert lengths(eg.reference for eg in corpus(NLP)) == [3, 3, 2, 2]


def test_the_reader_is_made_from_a_config(tmp_path):
    path = save(tmp_path / "a.spacy", make_doc(5, [(0, 2)]))
    block = {"@readers": "spacy_globalpointer.SpanCorpus.v1", "path": str(path), "max_length": 3}
    corpus = spacy.registry.resolve({"train": block})["train"]
    assert isinstance(corpus, SpanCorpus)
    assert lengths(eg.reference for eg in corpus(NLP)) == [3, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": None}, "path must be a .spacy file .*--paths.train"),
        ({"path": "x.spacy", "max_length": -1}, "max_length must not be negative, was: -1"),
        ({"path": "x.spacy", "limit": -1}, "limit must not be negative, was: -1"),
    ],
)
def test_wrong_settings_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        make_span_corpus(**options)
