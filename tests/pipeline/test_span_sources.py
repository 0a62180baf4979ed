"""Spans of several groups, or of doc.ents, for components that join spans."""

import pytest
from event_samples import as_event, happened, make_event_nlp
from relation_samples import make_relation_nlp, set_spans
from spacy.tokens import Span, SpanGroup
from spacy.training import Example

from spacy_globalpointer import Relation, get_relations, set_events, set_relations
from spacy_globalpointer.pipeline.pair_gold import find_spans
from spacy_globalpointer.spans import LabelledSpan

MAKERS = [make_relation_nlp, make_event_nlp]
TEXT = "Anna met Bob in Ulm."
PEOPLE, TRIGGERS = [("Anna", "PER"), ("Bob", "PER")], [("met", "Meet")]
EVENT = ("Meet", 2, [("who", 0), ("who", 1)])


def test_spans_of_all_sources_once_with_the_best_score():
    nlp = make_event_nlp()
    doc = nlp.make_doc(TEXT)
    spans = [Span(doc, 0, 1, "PER"), Span(doc, 1, 2, "Meet")]
    doc.spans["a"] = SpanGroup(doc, spans=spans, attrs={"scores": [0.4, 0.9]})
    doc.spans["b"] = SpanGroup(doc, spans=spans[:1], attrs={"scores": [0.6]})
    anna, met = LabelledSpan(0, 1, "PER"), LabelledSpan(1, 2, "Meet")
    assert find_spans(doc, ["b", "a"]) == ([anna, met], {anna: 0.6, met: 0.9}, 0, [])
    assert find_spans(doc, "a") == ([anna, met], {anna: 0.4, met: 0.9}, 0, [])
    assert find_spans(doc, ["c", "b", None]) == ([anna], {anna: 0.6}, 0, ["c", None])
    assert find_spans(doc, [None, "c"]) is None
    doc.ents = spans[1:]
    assert find_spans(doc, [None, "b"]) == ([anna, met], {anna: 0.6, met: 1.0}, 0, [])


def make_example(nlp):
    reference, doc = nlp.make_doc(TEXT), nlp.make_doc(TEXT)
    for own in (reference, doc):
        set_spans(own, PEOPLE, None)
        set_spans(own, TRIGGERS, "sc")
    gold = [*reference.ents, *reference.spans["sc"]]
    set_events(reference, [as_event(EVENT, gold)])
    set_relations(reference, [Relation(gold[2], gold[0], "KNOWS"), Relation(gold[0], gold[1], "R")])
    return Example(doc, reference)


@pytest.mark.filterwarnings("ignore:.*no component before it writes them")
@pytest.mark.parametrize("make", MAKERS)
def test_triggers_and_arguments_of_different_components(make, tmp_path):
    nlp = make(spans=["sc", None])
    example = make_example(nlp)
    optimizer = nlp.initialize(lambda: [example])
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update([example], sgd=optimizer)
    nlp.to_disk(tmp_path)
    doc = nlp.from_disk(tmp_path)(example.predicted.copy())
    if make is make_event_nlp:
        assert happened(doc) == happened(example.reference)
    else:
        assert len(get_relations(doc)) == 2
    # One of them is missing.
    del example.predicted.spans["sc"]
    with pytest.warns(UserWarning, match=r"doc.spans\['sc'\], but the document 'Anna met Bob in U"):
        nlp(example.predicted.copy())


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("spans", [[], ["sc", "sc"], ["sc", 1]])
def test_sources_that_cannot_be_are_errors(make, spans):
    name = "relation_pointer" if make is make_relation_nlp else "event_pointer"
    pipe = make().get_pipe(name)
    pipe.cfg["spans"] = spans
    with pytest.raises(
        ValueError, match=r"spans must be a key of doc.spans, null.*\[\"sc\", null\]"
    ):
        pipe._check_settings()


@pytest.mark.parametrize("make", MAKERS)
def test_the_key_of_the_result_is_no_source(make):
    what = "relations" if make is make_relation_nlp else "events"
    with pytest.raises(ValueError, match=f"{what}_key must differ from spans.*both are: '{what}'"):
        make(spans=["sc", what])


@pytest.mark.parametrize("make", MAKERS)
def test_each_source_needs_a_component_that_writes_it(make):
    nlp = make(spans=["sc", None])
    nlp.add_pipe("span_ruler", first=True, config={"spans_key": "sc"})
    nlp.config["training"]["annotating_components"] = ["span_ruler"]
    example = make_example(nlp)
    with pytest.warns(
        UserWarning, match="the spans in doc.ents, but no component before it writes"
    ):
        nlp.initialize(lambda: [example])
    nlp = make(spans=["sc", None])
    nlp.add_pipe("span_ruler", first=True, config={"spans_key": "sc"})
    nlp.add_pipe("entity_ruler", first=True)
    nlp.config["training"]["annotating_components"] = ["span_ruler"]
    lines = r'annotating_components = \["entity_ruler", "span_ruler"\]'
    with pytest.warns(UserWarning, match=rf"writes doc.ents is not one of [^$]*{lines}"):
        nlp.initialize(lambda: [example])
    nlp.config["training"]["annotating_components"] = ["span_ruler", "entity_ruler"]
    nlp.get_pipe(nlp.pipe_names[-1])._warned.clear()
    nlp.initialize(lambda: [example])
