import copy
import pickle
import subprocess
import sys
import warnings

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.training import Corpus, Example
from spacy.training.augment import create_lower_casing_augmenter

from spacy_globalpointer import Relation, get_relations, has_relations, set_relations

NLP = spacy.blank("en")
WORDS = "Anna Berg of Ulm met Cho in Rome".split()


def make_doc(relations=((0, 2, "P", 3, 4, "G", "of", 0.9), (5, 6, "P", 0, 2, "P", "met", 0.6))):
    """A document; relations: start, end and label of head and child, label, score."""
    doc = Doc(NLP.vocab, words=WORDS)
    made = [
        Relation(Span(doc, a, b, label=x), Span(doc, c, d, label=y), label, score)
        for a, b, x, c, d, y, label, score in relations
    ]
    set_relations(doc, made)
    return doc


def read(doc, key="relations"):
    """Relations as plain values."""
    return [
        (h.start, h.end, h.label_, c.start, c.end, c.label_, label, score)
        for h, c, label, score in get_relations(doc, key)
    ]


GIVEN = [
    (0, 2, "P", 3, 4, "G", "of", pytest.approx(0.9)),
    (5, 6, "P", 0, 2, "P", "met", pytest.approx(0.6)),
]


def test_a_document_holds_relations_as_indices():
    doc = make_doc()
    assert read(doc) == GIVEN
    group = doc.spans["relations"]
    assert [(span.start, span.label_) for span in group] == [(0, "P"), (3, "G"), (5, "P")]
    assert group.attrs["relations"] == [[0, 1, "of"], [2, 0, "met"]]
    assert group.attrs["scores"].dtype == numpy.float32
    assert has_relations(doc)


def test_missing_is_not_annotated_and_empty_is_annotated():
    doc = Doc(NLP.vocab, words=WORDS)
    assert not has_relations(doc)
    assert get_relations(doc) == []
    set_relations(doc, [])
    assert has_relations(doc)
    assert get_relations(doc) == []
    assert not has_relations(doc, "other")


def test_a_new_list_replaces_the_old_one():
    doc = make_doc()
    set_relations(doc, get_relations(doc)[1:])
    assert read(doc) == GIVEN[1:]
    assert len(doc.spans["relations"]) == 2


def test_duplicates_are_one_relation_with_the_best_score():
    first = (0, 2, "P", 3, 4, "G", "of")
    doc = make_doc(
        [(*first, 0.5), (0, 2, "P", 3, 4, "G", "in", 0.5), (*first, 0.75), (*first, 0.25)]
    )
    assert read(doc) == [(*first, 0.75), (*first[:-1], "in", 0.5)]


def test_scores_are_kept_if_all_relations_have_one():
    doc = make_doc([(0, 2, "P", 3, 4, "G", "of", 0.5), (3, 4, "G", 0, 2, "P", "of", None)])
    assert [relation.score for relation in get_relations(doc)] == [None, None]


ENDS = st.tuples(st.integers(0, 7), st.integers(1, 3), st.sampled_from(["", "A", "B"])).map(
    lambda x: (x[0], min(8, x[0] + x[1]), x[2])
)
RELATIONS = st.lists(
    st.tuples(ENDS, ENDS, st.sampled_from("pq")).map(lambda x: (*x[0], *x[1], x[2], None)),
    max_size=8,
    unique=True,
)


@given(RELATIONS)
def test_any_relations_are_read_as_they_were_written(relations):
    """Self relations, both directions, several labels, nested and overlapping arguments."""
    doc = make_doc(relations)
    assert read(doc) == relations
    group = list(doc.spans["relations"])
    order = [(span.start, -span.end, span.label_) for span in group]
    assert order == sorted(set(order))
    ends = {tuple(x[k : k + 3]) for x in relations for k in (0, 3)}
    assert {(span.start, span.end, span.label_) for span in group} == ends


def through_disk(doc, path):
    doc.to_disk(path / "doc")
    return Doc(NLP.vocab).from_disk(path / "doc")


def through_docbin(doc, path):
    doc.user_data["object"] = object()  # nothing of user_data is stored
    DocBin(docs=[doc]).to_disk(path / "a.spacy")
    (doc,) = DocBin().from_disk(path / "a.spacy").get_docs(spacy.blank("en").vocab)
    return doc


def through_reader(doc, path):
    DocBin(docs=[doc]).to_disk(path / "a.spacy")
    return next(iter(Corpus(path / "a.spacy")(NLP))).reference


def through_workers(doc, path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    docs = [make_doc() if number else doc for number in range(4)]
    first, *others = nlp.pipe(docs, n_process=2, batch_size=1)
    assert all(read(other) == GIVEN for other in others)
    return first


KEPT = {
    "copy": lambda doc, path: doc.copy(),
    "copy.copy": lambda doc, path: copy.copy(doc),
    "bytes": lambda doc, path: Doc(NLP.vocab).from_bytes(doc.to_bytes()),
    "pickle": lambda doc, path: pickle.loads(pickle.dumps(doc)),
    "disk": through_disk,
    "DocBin": through_docbin,
    "n_process": through_workers,
    "example": lambda doc, path: Example(NLP.make_doc(doc.text), doc).copy().reference,
    "reader": lambda doc, path: (
        next(iter(Corpus(_write(doc, path)).make_examples(NLP, [doc.copy()]))).reference
    ),
}


def _write(doc, path):
    DocBin(docs=[doc]).to_disk(path / "b.spacy")
    return path / "b.spacy"


@pytest.mark.parametrize("way", KEPT)
@pytest.mark.parametrize("relations", [True, False])
def test_normal_paths_keep_relations(way, relations, tmp_path):
    doc = make_doc() if relations else make_doc([])
    kept = KEPT[way](doc, tmp_path)
    assert has_relations(kept)
    assert read(kept) == (GIVEN if relations else [])
    assert all(relation.head.doc is kept for relation in get_relations(kept))


def assign_list(doc):
    doc.spans["relations"] = list(doc.spans["relations"])
    return doc


def augment(doc):
    example = Example(NLP.make_doc(doc.text), doc)
    (augmented,) = create_lower_casing_augmenter(1.0)(NLP, example)
    return augmented.reference


GROUP_STAYS = {
    "from_docs": lambda doc: Doc.from_docs([doc, make_doc()]),
    "json": lambda doc: Doc(NLP.vocab).from_json(doc.to_json()),
    "from_dict": lambda doc: (
        Example.from_dict(
            NLP.make_doc(doc.text), Example(NLP.make_doc(doc.text), doc).to_dict()
        ).reference
    ),
    "augmenter": augment,
    "list": assign_list,
}


@pytest.mark.parametrize("way", GROUP_STAYS)
def test_where_spacy_drops_attrs_relations_are_not_annotated_and_it_is_said_once(way):
    doc = GROUP_STAYS[way](make_doc())
    assert "relations" in doc.spans
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            assert not has_relations(doc)
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith("doc.spans['relations'] is a group without attrs['relations']")
    causes = ("Doc.from_docs", "to_json", "Example.from_dict", "augmenters", "a list is assigned")
    assert all(cause in text for cause in causes)
    assert "To fix: call spacy_globalpointer.set_relations" in text
    with pytest.warns(UserWarning, match="without attrs"):
        assert get_relations(doc) == []


def cut(doc):
    """The first part that spaCy's own reader makes of a document."""
    return next(iter(Corpus("x", max_length=5).make_examples(NLP, [doc]))).reference


def preprocess(doc):
    examples = Corpus("x", gold_preproc=True).make_examples_gold_preproc(NLP, [doc])
    return next(iter(examples)).reference


def make_sentences():
    doc = make_doc()
    for token in doc:
        token.is_sent_start = token.i in (0, 4)
    return doc


GROUP_GOES = {
    "as_doc": lambda doc: doc[0:4].as_doc(copy_user_data=True),
    "max_length": cut,
    "gold_preproc": preprocess,
}


@pytest.mark.parametrize("way", GROUP_GOES)
def test_where_spacy_drops_groups_relations_are_not_annotated(way):
    """Nothing of them is left in the document to tell: whoever needs them has to say so."""
    doc = GROUP_GOES[way](make_sentences())
    assert 0 < len(doc) < len(WORDS)
    assert not has_relations(doc)
    assert get_relations(doc) == []


@pytest.mark.parametrize(
    ("attrs", "rule"),
    [
        (
            {"relations": [[0, 3, "x"]]},
            r"places among 3 spans, from 0, was: \[0, 3, 'x'\] in doc.sp",
        ),
        (
            {"relations": [[0, 1, "x"], [-1, 0, "x"]]},
            r"places among 3 spans, .* was: \[-1, 0, 'x'\]",
        ),
        ({"relations": [[True, 0, "x"]]}, r"places among 3 spans, .* was: \[True, 0, 'x'\]"),
        ({"relations": [["0", 1, "x"]]}, r"places among 3 spans, .* was: \['0', 1, 'x'\]"),
        ({"relations": [[0.0, 1, "x"]]}, r"places among 3 spans, .* was: \[0.0, 1, 'x'\]"),
        ({"relations": [[0, None, "x"]]}, "places among 3 spans"),
        ({"relations": [[0, 1, 7]]}, "label of a relation must be a non-empty string, was"),
        ({"relations": [[0, 1, ""]]}, "label of a relation must be a non-empty string, was"),
        ({"relations": [[0, 1]]}, r"must be a head, a child and a label, was: \[0, 1\]"),
        ({"relations": ["abc"]}, "must be a head, a child and a label, was: 'abc'"),
        ({"relations": {"0": 1}}, r"attrs\['relations'\] must be a list, was: {'0': 1}"),
        ({"relations": [], "scores": [0.5]}, r"a score for each relation, was: \[0.5\] for 0 rel"),
        ({"relations": [], "scores": 3}, "a score for each relation, was: 3 for 0 relations"),
        ({"relations": [[0, 1, "x"]], "scores": "a"}, "a score for each relation, was: 'a'"),
        ({"relations": [[0, 1, "x"]], "scores": ["a"]}, r"a probability in \[0, 1\], .* was: 'a'"),
        ({"relations": [[0, 1, "x"]], "scores": [1.5]}, r"a probability in \[0, 1\], .* was: 1.5"),
        ({"relations": [[0, 1, "\ud83d"]]}, "label of a relation must be valid Unicode, was"),
    ],
)
def test_what_is_no_relation_is_an_error_that_names_the_document(attrs, rule):
    doc = make_doc()
    spans = list(doc.spans["relations"])
    doc.spans["relations"] = SpanGroup(doc, attrs=attrs, spans=spans)
    with pytest.raises(ValueError, match=rule) as error:
        get_relations(doc)
    assert "doc.spans['relations'] of the document 'Anna Berg of Ulm" in str(error.value)
    assert "To fix: write its relations again" in str(error.value)


def test_a_long_document_is_named_by_its_start():
    doc = Doc(NLP.vocab, words=["word"] * 100)
    doc.spans["relations"] = SpanGroup(doc, attrs={"relations": [[0, 0, "x"]]})
    with pytest.raises(ValueError, match=r"of the document 'word .* word \.\.\.'|wo\.\.\.'"):
        get_relations(doc)


@pytest.mark.parametrize("number", [0, numpy.int64(0), numpy.int32(0)])
def test_numbers_of_numpy_are_places(number):
    doc = make_doc()
    spans = list(doc.spans["relations"])
    doc.spans["relations"] = SpanGroup(doc, attrs={"relations": [(number, 1, "x")]}, spans=spans)
    assert len(get_relations(doc)) == 1


@pytest.mark.parametrize(
    ("ends", "label", "rule"),
    [
        (
            lambda doc: (doc[0:1], Doc(NLP.vocab, words=["a"])[0:1]),
            "x",
            "of another document in doc",
        ),
        (
            lambda doc: (doc.copy()[0:1], doc[0:1]),
            "x",
            "spans of this document, was: Anna of another",
        ),
        (lambda doc: (0, doc[0:1]), "x", "spans of this document, was: 0 in"),
        (lambda doc: (doc[0], doc[0:1]), "x", "spans of this document, was: Anna in"),
        (lambda doc: (doc[0:1], doc[3:3]), "x", "must have a token, was: tokens 3 to 3"),
        (lambda doc: (doc[0:1], doc[0:1]), "", "label of a relation must be .* was: ''"),
        (lambda doc: (doc[0:1], doc[0:1]), None, "label of a relation must be .* was: None"),
        (
            lambda doc: (doc[0:1], doc[0:1]),
            "\ud83d",
            "label of a relation must be valid Unicode, was: ",
        ),
    ],
)
def test_what_no_document_can_hold_is_refused_and_nothing_is_written(ends, label, rule):
    doc = make_doc()
    with pytest.raises(ValueError, match=rule):
        set_relations(doc, [Relation(doc[0:1], doc[1:2], "fine"), Relation(*ends(doc), label)])
    assert read(doc) == GIVEN


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.5, "0.5", True])
def test_a_score_is_a_probability(score):
    doc = make_doc()
    with pytest.raises(
        ValueError, match=r"a score must be a probability in \[0, 1\], or None, was"
    ):
        set_relations(doc, [Relation(doc[0:1], doc[1:2], "fine", score)])
    assert read(doc) == GIVEN


@pytest.mark.parametrize("given", [None, "x", (1, 2), (1, 2, "x", 0.5, 6)])
def test_what_is_not_even_shaped_like_a_relation_is_refused(given):
    doc = make_doc()
    with pytest.raises(ValueError, match="must be a head, a child and a label, and may have a sco"):
        set_relations(doc, [given])
    assert read(doc) == GIVEN


@pytest.mark.parametrize("first", [0, 1, 6])
def test_merged_tokens_are_an_error_unless_the_relations_lie_before(first):
    """spaCy moves doc.ents then, but no span of a group: each would name other words."""
    doc = make_doc()
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[first : first + 2])
    if first == 6:
        assert read(doc) == GIVEN
        return
    with pytest.raises(
        ValueError, match=r"tokens of a document must stay .* of the document 'Anna"
    ):
        get_relations(doc)
    doc.spans["relations"] = [doc[0:1], doc[2:3]]
    set_relations(doc, [Relation(doc[0:1], doc[2:3], "met")])
    assert len(read(doc)) == 1


def test_split_tokens_are_an_error():
    doc = make_doc()
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["An", "na"], heads=[doc[1], doc[1]])
    with pytest.raises(ValueError, match="tokens of a document must stay"):
        get_relations(doc)


def test_the_package_is_quick_to_import_and_has_the_names():
    script = (
        "import sys, spacy_globalpointer as package\n"
        "assert not {'spacy', 'torch'} & set(sys.modules)\n"
        "assert all(getattr(package, name) for name in package.__all__)\n"
        "from spacy_globalpointer import Relation, get_relations, has_relations, set_relations\n"
        "assert not hasattr(package, 'get_events_of')"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
