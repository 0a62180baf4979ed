"""Events on a Doc: written, read, kept by spaCy, and refused."""

import pickle

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.training import Example

from spacy_globalpointer import Argument, Event, get_events, has_events, set_events

NLP = spacy.blank("en")
TEXT = "Ada and Mary met in Rome."


def span(doc, start, end, label):
    return Span(doc, start, end, label=label)


def make_doc(score=None):
    """Two events of one trigger, of which one is an argument of a third."""
    doc = NLP(TEXT)
    ada, mary, rome = (span(doc, *place) for place in ((0, 1, "P"), (2, 3, "P"), (5, 6, "G")))
    meet, place = span(doc, 3, 4, "meet"), span(doc, 4, 5, "be_in")
    events = [
        Event("meet", meet, (Argument("who", mary), Argument("who", ada)), score),
        Event("meet", meet, (Argument("who", ada), Argument("whom", ada)), score),
        Event("be_in", place, (Argument("what", meet), Argument("where", rome)), score),
    ]
    set_events(doc, events)
    return doc


def show(doc, key="events"):
    return [
        (
            event.type,
            event.trigger and (event.trigger.start, event.trigger.end, event.trigger.label_),
            tuple((role, s.start, s.end, s.label_) for role, s in event.arguments),
            event.score,
        )
        for event in get_events(doc, key)
    ]


EXPECTED = [
    ("meet", (3, 4, "meet"), (("who", 0, 1, "P"), ("who", 2, 3, "P")), None),
    ("meet", (3, 4, "meet"), (("who", 0, 1, "P"), ("whom", 0, 1, "P")), None),
    ("be_in", (4, 5, "be_in"), (("what", 3, 4, "meet"), ("where", 5, 6, "G")), None),
]


def test_events_are_places_in_a_group_of_their_own():
    doc = make_doc(0.5)
    assert [s.label_ for s in doc.spans["events"]] == ["P", "P", "meet", "be_in", "G"]
    assert doc.spans["events"].attrs["events"][2] == {
        "type": "be_in",
        "trigger": 3,
        "arguments": [["what", 2], ["where", 4]],
    }
    assert doc.spans["events"].attrs["scores"].tolist() == [0.5] * 3
    assert show(make_doc()) == EXPECTED


def _disk(doc, folder):
    doc.to_disk(folder / "doc")
    return Doc(doc.vocab).from_disk(folder / "doc")


WAYS = {
    "copy": lambda doc, _: doc.copy(),
    "bytes": lambda doc, _: Doc(doc.vocab).from_bytes(doc.to_bytes()),
    "disk": _disk,
    "pickle": lambda doc, _: pickle.loads(pickle.dumps(doc)),
    "docbin": lambda doc, _: next(DocBin(docs=[doc]).get_docs(doc.vocab)),
    "docbin bytes": lambda doc, _: next(
        DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(spacy.blank("en").vocab)
    ),
    "pipe": lambda doc, _: next(iter(NLP.pipe([doc]))),
    "two processes": lambda doc, _: next(iter(NLP.pipe([doc], n_process=2))),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("score", [None, 0.25])
def test_events_survive_what_spacy_does(way, score, tmp_path):
    expected = [(*event[:3], score) for event in EXPECTED]
    assert show(WAYS[way](make_doc(score), tmp_path)) == expected


@pytest.mark.parametrize(
    "drop",
    [
        lambda doc: Doc.from_docs([doc]),
        lambda doc: Doc(doc.vocab).from_json(doc.to_json()),
        lambda doc: Example.from_dict(doc.copy(), Example(doc, doc).to_dict()).reference,
    ],
)
def test_where_spacy_drops_events_one_warning_names_the_cause(drop):
    doc = drop(make_doc())
    with pytest.warns(UserWarning, match=r"without attrs\['events'\].*set_events after") as caught:
        assert not has_events(doc)
    assert len(caught) == 1


def test_a_missing_group_is_not_annotated_and_an_empty_one_has_none():
    doc = NLP(TEXT)
    assert (has_events(doc), get_events(doc)) == (False, [])
    set_events(doc, [])
    assert (has_events(doc), get_events(doc)) == (True, [])


def test_an_event_given_twice_is_written_once_with_its_best_score():
    doc = NLP(TEXT)
    met, ada, mary = span(doc, 3, 4, "meet"), span(doc, 0, 1, "P"), span(doc, 2, 3, "P")
    one = Event("meet", met, (Argument("who", ada), Argument("who", mary)), 0.5)
    other = Event("meet", met, (Argument("who", mary), Argument("who", ada)), 0.75)
    set_events(doc, [one, other, other])
    assert [event.score for event in get_events(doc)] == [0.75]


def test_arguments_may_be_plain_pairs_and_events_without_triggers():
    doc = NLP(TEXT)
    set_events(doc, [("meet", None, [("who", span(doc, 0, 1, "P"))])])
    assert show(doc) == [("meet", None, (("who", 0, 1, "P"),), None)]


def test_events_may_contain_themselves_and_each_other():
    doc = NLP(TEXT)
    met, went = span(doc, 3, 4, "meet"), span(doc, 4, 5, "go")
    events = [
        Event("meet", met, (Argument("why", met),)),
        Event("go", went, (Argument("why", met),)),
        Event("meet", met, (Argument("why", went),)),
    ]
    set_events(doc, events)
    assert [event.arguments[0].span.label_ for event in get_events(doc)] == ["meet", "meet", "go"]


def test_a_thousand_triggers():
    doc = Doc(NLP.vocab, words=["a"] * 1000)
    events = [Event("x", span(doc, i, i + 1, "x")) for i in range(1000)]
    set_events(doc, events)
    assert get_events(doc) == events


WRONG = {
    "label of a trigger, here 'meet', must be the type": lambda d: ("go", span(d, 3, 4, "meet")),
    "must have a trigger or an argument": lambda d: ("meet", None),
    "type of an event must be a non-empty": lambda d: ("", None, [("who", span(d, 0, 1, "P"))]),
    "type of an event must be valid Unicode": lambda d: (
        "\ud83d",
        None,
        [("who", span(d, 0, 1, "P"))],
    ),
    "role of an argument must be a non-empty": lambda d: ("x", None, [(" ", span(d, 0, 1, "P"))]),
    "an argument of an event must be a role and a span": lambda d: (
        "x",
        None,
        [span(d, 0, 1, "P")],
    ),
    "an event must be a type, a trigger .*may have a score": lambda d: ("meet",),
    "trigger and arguments must be spans of this": lambda d: (
        "meet",
        NLP(TEXT)[3:4],
    ),
    "trigger and arguments must have a token": lambda d: ("meet", span(d, 3, 3, "meet")),
    "a score must be a probability": lambda d: ("meet", span(d, 3, 4, "meet"), (), 1.5),
    "arguments must be spans of this document, was: None": lambda d: ("x", None, [("who", None)]),
}


@pytest.mark.parametrize("rule", WRONG)
def test_what_no_document_can_hold_is_refused_and_nothing_is_written(rule):
    doc = NLP(TEXT)
    with pytest.raises(ValueError, match=rf"{rule}.*{TEXT}.*set_events"):
        set_events(doc, [WRONG[rule](doc)])
    assert "events" not in doc.spans


@pytest.mark.parametrize(
    ("attrs", "rule"),
    [
        ({"events": 3}, r"attrs\['events'\] must be a list, was: 3"),
        ({"events": [3]}, "an event must be a type, a trigger .*was: 3"),
        ({"events": [["a", 0, []]]}, "an event must be a type, a trigger .*was: "),
        ({"events": [{"trigger": 0, "arguments": []}]}, "the type of an event must be a non-empty"),
        (
            {"events": [{"type": "a", "trigger": True, "arguments": []}]},
            "the trigger of an event must be a place among 2 spans",
        ),
        (
            {"events": [{"type": "a", "trigger": 0, "arguments": "rs"}]},
            "the arguments of an event must be a list",
        ),
        (
            {"events": [{"type": "a", "trigger": 0, "arguments": [["", 1]]}]},
            "the role of an argument must be a non-empty string",
        ),
        (
            {"events": [{"type": "a", "trigger": None, "arguments": []}]},
            "an event must have a trigger or an argument",
        ),
        ({"events": [{"type": "a"}]}, "the arguments of an event must be a list"),
        (
            {"events": [{"type": "a", "trigger": 2, "arguments": []}]},
            "the trigger of an event must be a place among 2 spans, from 0, or None",
        ),
        (
            {"events": [{"type": "a", "trigger": None, "arguments": [["r", 2]]}]},
            "an argument of an event must be a place among 2 spans",
        ),
        (
            {"events": [{"type": "b", "trigger": 0, "arguments": []}]},
            "label of a trigger, here 'a', must be the type",
        ),
        ({"events": [], "scores": [0.5]}, "there must be a score for each event"),
    ],
)
def test_what_are_no_events_is_an_error_that_names_the_document(attrs, rule):
    doc = NLP(TEXT)
    spans = [span(doc, 0, 1, "a"), span(doc, 1, 2, "b")]
    doc.spans["events"] = SpanGroup(doc, name="events", attrs=attrs, spans=spans)
    with pytest.raises(ValueError, match=rf"{rule}.*{TEXT}"):
        get_events(doc)


def test_events_whose_tokens_have_changed_are_an_error():
    doc = make_doc()
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:3])
    with pytest.raises(ValueError, match=r"when its events were written.*set_events"):
        get_events(doc)


PLACES = st.tuples(st.integers(0, 5), st.integers(1, 2), st.sampled_from("XY"))


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 5),
            st.sampled_from("XY"),
            st.lists(st.tuples(st.sampled_from(["r", "s"]), PLACES), max_size=4),
        ).filter(lambda event: event[0] is not None or event[2]),
        max_size=5,
    )
)
def test_events_written_and_read_are_the_same(rows):
    doc = Doc(NLP.vocab, words=list("abcdefg"))
    events = [
        Event(
            kind,
            None if at is None else span(doc, at, at + 1, kind),
            tuple(Argument(role, span(doc, s, s + n, label)) for role, (s, n, label) in arguments),
        )
        for at, kind, arguments in rows
    ]
    set_events(doc, events)

    def normal(event):
        return event.type, event.trigger, frozenset(event.arguments)

    assert [normal(e) for e in get_events(doc)] == list(dict.fromkeys(map(normal, events)))
    group = doc.spans["events"]
    assert [(s.start, -s.end, s.label_) for s in group] == sorted(
        {(s.start, -s.end, s.label_) for s in group}
    )
