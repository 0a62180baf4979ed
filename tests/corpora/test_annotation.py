import json

import numpy
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin, Span, SpanGroup

from spacy_globalpointer import Argument, Event, Relation, set_events, set_relations
from spacy_globalpointer.corpora import Record, record_to_doc
from spacy_globalpointer.corpora.annotation import WrittenKeys, list_annotation, list_spans
from spacy_globalpointer.corpora.readers.jsonl import read_jsonl
from spacy_globalpointer.events import EventEdges

NLP = spacy.blank("en")


def make_doc(
    text="Ada lives in Rome.", key="sc", spans=((3, 4, "GPE"), (0, 1, "PER"), (0, 2, "X"))
):
    doc = NLP(text)
    group = [Span(doc, start, end, label=label) for start, end, label in spans]
    scores = numpy.array([0.9, 0.75, 0.5], dtype=numpy.float32)[: len(group)]
    doc.spans[key] = SpanGroup(doc, name=key, attrs={"scores": scores}, spans=group)
    return doc


def test_spans_have_characters_and_scores_in_order():
    spans = list_spans(make_doc(), ["sc"])
    assert [(span["start"], span["end"], span["label"]) for span in spans] == [
        *((0, 9, "X"), (0, 3, "PER"), (13, 17, "GPE"))
    ]
    assert [span["score"] for span in spans] == [0.5, 0.75, 0.9]
    assert list(spans[0]) == ["start", "end", "label", "score"]


def test_spans_of_several_groups_are_named():
    doc = make_doc()
    doc.spans["b"] = [Span(doc, 0, 1, label="B")]
    assert [
        (span["key"], span["label"], span.get("score")) for span in list_spans(doc, ["sc", "b"])
    ] == [*(("sc", "X", 0.5), ("b", "B", None), ("sc", "PER", 0.75), ("sc", "GPE", 0.9))]
    assert list_spans(doc, ["missing"]) == []


def test_scores_of_a_changed_group_are_left_out():
    doc = make_doc()
    scores = doc.spans["sc"].attrs["scores"]
    doc.spans["sc"] = SpanGroup(doc, spans=list(doc.spans["sc"])[:1], attrs={"scores": scores})
    assert list_spans(doc, ["sc"]) == [{"start": 13, "end": 17, "label": "GPE"}]


def test_relations_are_written_by_the_places_of_their_spans():
    doc = make_doc()
    rome, ada, both = doc.spans["sc"]
    set_relations(doc, [Relation(ada, rome, "in", 0.75), Relation(both, ada, "part", 0.5)])
    row = list_annotation(doc, WrittenKeys(["sc"], ["relations"], []))
    assert list(row) == ["spans", "relations"]
    assert [span["label"] for span in row["spans"]] == ["X", "PER", "GPE"]
    assert row["relations"] == [
        {"head": 1, "child": 2, "label": "in", "score": 0.75},
        {"head": 0, "child": 1, "label": "part", "score": 0.5},
    ]


def test_documents_without_relations_get_none():
    doc = make_doc()
    assert list(list_annotation(doc, WrittenKeys(["sc"], ["relations"], []))) == ["spans"]
    set_relations(doc, [])
    assert list_annotation(doc, WrittenKeys(["sc"], ["relations"], []))["relations"] == []


def test_arguments_that_are_no_spans_of_the_groups_are_written_too():
    doc = make_doc()
    set_relations(doc, [Relation(doc[2:3], doc[0:1], "of")])
    row = list_annotation(doc, WrittenKeys(["sc"], ["relations"], []))
    assert [(span["start"], span["label"]) for span in row["spans"]] == [
        *((0, "X"), (0, ""), (0, "PER"), (10, ""), (13, "GPE"))
    ]
    assert row["relations"] == [{"head": 3, "child": 1, "label": "of"}]
    assert list_annotation(doc, WrittenKeys([], ["relations"], []))["spans"] == [
        row["spans"][1],
        row["spans"][3],
    ]


def test_spans_may_be_entities():
    doc = make_doc()
    rome, ada, _ = doc.spans["sc"]
    doc.ents = [ada, rome]
    set_relations(doc, [Relation(ada, rome, "in")])
    row = list_annotation(doc, WrittenKeys([None], ["relations"], []))
    assert [span["label"] for span in row["spans"]] == ["PER", "GPE"]
    assert row["relations"] == [{"head": 0, "child": 1, "label": "in"}]


def test_relations_of_several_groups_are_named():
    doc = make_doc()
    doc.spans["b"] = list(doc.spans["sc"])
    rome, ada, _ = doc.spans["sc"]
    set_relations(doc, [Relation(ada, rome, "in")])
    set_relations(doc, [Relation(rome, ada, "of")], "more")
    row = list_annotation(doc, WrittenKeys(["sc", "b"], ["relations", "missing", "more"], []))
    assert row["relations"] == [
        {"head": 2, "child": 4, "label": "in", "key": "relations"},
        {"head": 4, "child": 2, "label": "of", "key": "more"},
    ]


def test_events_are_written_with_their_scores_and_spans():
    doc = make_doc()
    rome, ada, _ = doc.spans["sc"]
    trigger = Span(doc, 1, 2, label="live")
    events = [
        Event("live", trigger, (Argument("who", ada), Argument("where", rome)), 0.75),
        Event("meet", None, (Argument("who", ada),), 0.5),
    ]
    set_events(doc, events)
    row = list_annotation(doc, WrittenKeys(["sc"], [], ["events", "missing"]))
    labels = [span["label"] for span in row["spans"]]
    who, where = labels.index("PER"), labels.index("GPE")
    assert row["events"] == [
        {
            "type": "live",
            "trigger": labels.index("live"),
            "arguments": [{"role": "who", "span": who}, {"role": "where", "span": where}],
            "score": 0.75,
            "key": "events",
        },
        {
            "type": "meet",
            "trigger": None,
            "arguments": [{"role": "who", "span": who}],
            "score": 0.5,
            "key": "events",
        },
    ]
    set_events(doc, [])
    assert list_annotation(doc, WrittenKeys([], [], ["events"])) == {"spans": [], "events": []}


@st.composite
def records(draw):
    """Records with spans in the order that is written; the words of the text are a, b, ..."""
    places = st.tuples(st.integers(0, 5), st.integers(1, 6)).filter(lambda p: p[0] < p[1])
    spans = draw(st.sets(st.tuples(places, st.sampled_from("XY")), min_size=1, max_size=6))
    spans = sorted((2 * s, 2 * e - 1, label) for (s, e), label in spans)
    spans.sort(key=lambda span: (span[0], -span[1], span[2]))
    ends = st.integers(0, len(spans) - 1)
    edges = st.lists(st.tuples(ends, ends, st.sampled_from(["p", "q r"])), unique=True, max_size=8)
    relations = draw(st.none() | edges.map(tuple))
    events = draw(st.none() | st.lists(make_events(spans), max_size=3, unique=True).map(tuple))
    return Record("a b c d e f", tuple(spans), relations=relations, events=events)


def make_events(spans):
    """Events of spans, as they are written: arguments in the order of the spans."""
    places = st.integers(0, len(spans) - 1)
    arguments = st.sets(st.tuples(places, st.sampled_from(["who", "whom"])), min_size=1, max_size=4)
    return st.builds(
        lambda trigger, own: EventEdges(
            "Z" if trigger is None else spans[trigger][2],
            trigger,
            tuple((role, place) for place, role in sorted(own)),
        ),
        st.none() | places,
        arguments,
    )


@given(records())
def test_a_record_becomes_a_document_and_the_same_record(record):
    doc, *outcomes = record_to_doc(record, NLP, alignment="fail")
    assert {outcome for kind in outcomes for outcome in kind} == {"kept"}
    (doc,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(NLP.vocab)
    keys = WrittenKeys(["sc"], ["relations"], ["events"])
    row = {"text": doc.text, **list_annotation(doc, keys)}
    (again,) = read_jsonl([json.dumps(row)], "x")
    assert (again.relations, again.events) == (record.relations, record.events)
    assert (again.text, again.spans) == (record.text, record.spans)
