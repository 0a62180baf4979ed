import numpy
import pytest
import spacy
from record_files import edges, mentions
from spacy.tokens import Doc, DocBin, Span, SpanGroup

from spacy_globalpointer import Event, Relation, set_events, set_relations
from spacy_globalpointer.corpora import Reading, detect_format, read_records, record_to_doc

NLP = spacy.blank("en")


def make_doc(text="Ada met  Bob in London."):
    return NLP(text)


def read(folder, *docs, **reading):
    path = folder / "x.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    assert detect_format(path) == "spacy"
    return list(read_records(path, reading=Reading(**reading)))


def test_entities_are_read_with_their_tokens(tmp_path):
    docs = [make_doc(), make_doc(), make_doc()]
    docs[0].ents = [Span(docs[0], 0, 1, "PER"), Span(docs[0], 5, 6, "GPE")]
    docs[1].ents = []
    records = read(tmp_path, *docs)
    assert [*map(mentions, records)] == [[("Ada", "PER"), ("London", "GPE")], [], None]
    assert [record.notes for record in records] == [()] * 3
    again, *_ = record_to_doc(records[0], NLP)
    assert [token.text for token in again] == [token.text for token in docs[0]]
    assert records[0].source.endswith("x.spacy document 1")


def test_a_group_is_read_as_it_is(tmp_path):
    doc = make_doc()
    spans = [Span(doc, 0, 1, "PER"), Span(doc, 1, 2, "meet"), Span(doc, 0, 4, "X")]
    attrs = {"scores": numpy.array([0.5, 0.25, 1.0]), "labels": ["PER", "meet", "X", "Y"]}
    doc.spans["sc"] = SpanGroup(doc, spans=spans, attrs=attrs)
    set_relations(doc, [Relation(spans[0], spans[2], "in")])
    set_events(doc, [Event("meet", spans[1], (("who", spans[0]),))])
    doc.ents = spans[:1]
    (record,) = read(tmp_path, doc)
    assert mentions(record) == [("Ada", "PER"), ("met", "meet"), ("Ada met  Bob", "X")]
    assert (record.scores, record.labels) == ((0.5, 0.25, 1.0), ("PER", "meet", "X", "Y"))
    assert edges(record) == [("Ada", "Ada met  Bob", "in")]
    assert record.events == (("meet", 1, (("who", 0),)),)
    assert record.notes == ()


def test_words_with_spaces_that_are_not_known_stay_so(tmp_path):
    doc = Doc(NLP.vocab, words=["Ada", "can't", "sing"], ents=["B-PER", "O", "O"])
    (record,) = read(tmp_path, doc)
    assert (record.unknown_spaces, record.words) == (True, ("Ada", "can't", "sing"))
    assert mentions(record) == [("Ada", "PER")]


def test_what_else_is_there_is_noted(tmp_path):
    doc = make_doc()
    doc.spans["sc"] = [Span(doc, 0, 1, "PER")]
    doc.spans["other"] = [Span(doc, 1, 2, "PER")]
    far = [Span(doc, 3, 4, "PER"), Span(doc, 4, 5, "meet")]
    set_relations(doc, [Relation(far[0], far[0], "is")])
    set_events(doc, [Event("meet", far[1])])
    doc.ents = far[:1]
    doc.cats, doc.user_data["meta"] = {"travel": 1.0}, {"a": 1}
    for token in doc:
        token.tag_ = "X"
    (record,) = read(tmp_path, doc)
    assert (mentions(record), record.relations, record.events) == ([("Ada", "PER")], (), ())
    assert sorted(record.notes) == [
        "A document has categories, which are not kept",
        "A document has tags, which are not kept",
        "A document has user data, which are not kept",
        "A relation of a span that is not in the group is left out",
        "An event of a span that is not in the group is left out",
        "The group 'other' of doc.spans is not read",
        "doc.ents beside the group are not read",
    ]


def test_documents_of_no_token_and_of_one_have_nothing_else(tmp_path):
    docs = [Doc(NLP.vocab, words=words) for words in ([], ["Ada"])]
    for doc in docs:
        doc.spans["sc"] = []
    assert [record.notes for record in read(tmp_path, *docs)] == [(), ()]


def test_ids_of_entities_and_unknown_tokens_are_noted(tmp_path):
    doc = make_doc()
    doc.set_ents([Span(doc, 0, 1, "PER", kb_id="Q7")], missing=[doc[2:4]])
    (record,) = read(tmp_path, doc)
    assert sorted(record.notes) == [
        "The id of an entity is not read",
        "Tokens whose entity is not known are read as outside of entities",
    ]


def test_a_group_with_another_name_must_be_named(tmp_path):
    doc = make_doc()
    doc.spans["gold"] = [Span(doc, 0, 1, "PER")]
    with pytest.raises(
        ValueError, match=r"document 1: .* in the group 'sc', was: gold. .*--spans-key"
    ):
        read(tmp_path, doc)
    (record,) = read(tmp_path, doc, spans_key="gold")
    assert mentions(record) == [("Ada", "PER")]


@pytest.mark.parametrize("rows", [[[0, 9, "in"]], [[0, 0, ""]], "no rows"])
def test_damaged_relations_name_the_document(tmp_path, rows):
    doc = make_doc()
    doc.spans["sc"] = [Span(doc, 0, 1, "PER")]
    doc.spans["relations"] = SpanGroup(doc, spans=doc.spans["sc"], attrs={"relations": rows})
    with pytest.raises(ValueError, match=r"x\.spacy document 2: .* in doc.spans\['relations'\]"):
        read(tmp_path, make_doc(), doc)


@pytest.mark.parametrize("data", [b"", b"Ada", DocBin(docs=[make_doc()]).to_bytes()[:-4]])
def test_a_damaged_file_is_named(tmp_path, data):
    path = tmp_path / "x.spacy"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"must be a complete DocBin, but .*x\.spacy is not"):
        list(read_records(path))
