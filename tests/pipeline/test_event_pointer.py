"""Predictions, labels, settings and serialisation of event_pointer."""

import pickle
import time
import warnings

import pytest
import spacy
from event_samples import (
    EVENT_LABELS,
    HAPPENED,
    LABELLED,
    happened,
    make_event_example,
    make_event_examples,
    make_event_nlp,
    train_events,
)
from relation_samples import set_spans
from samples import OWN
from spacy.tokens import DocBin, Span, SpanGroup

from spacy_globalpointer import get_events, has_events
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT

pytestmark = pytest.mark.filterwarnings("ignore:.*no component before it writes them")
ARCHITECTURES = ["SpanPairs", "GPLinker"]


@pytest.fixture(scope="module")
def trained():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nlp = make_event_nlp()
        train_events(nlp, make_event_examples(nlp))
    return nlp


def given(nlp, samples=HAPPENED, key="sc"):
    """Documents with their spans, not yet their events."""
    docs = []
    for text, spans, _ in samples:
        docs.append(nlp.make_doc(text))
        set_spans(docs[-1], spans, key)
    return docs


def predict(nlp, docs=None, **settings):
    return list(nlp.pipe(given(nlp) if docs is None else docs, **settings))


def scored(docs):
    return [
        [(e.type, e.trigger and e.trigger.text, len(e.arguments), round(e.score, 5)) for e in own]
        for own in map(get_events, docs)
    ]


def wanted(nlp, samples=HAPPENED):
    return [happened(x.reference) for x in make_event_examples(nlp, samples)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("key", ["sc", "other"])
@pytest.mark.parametrize("trigger", [True, False])
def test_overfit_save_load_score(architecture, key, trigger, tmp_path):
    """Two events of a type, shared and nested arguments, triggers alone, one trigger of two."""
    nlp = make_event_nlp(architecture, spans=key, trigger=trigger)
    samples = HAPPENED if trigger else LABELLED
    examples = make_event_examples(nlp, samples, key=key)
    train_events(nlp, examples)
    docs = predict(nlp, given(nlp, samples, key))
    assert [happened(doc) for doc in docs] == wanted(nlp, samples)
    assert all(map(has_events, docs))
    assert all(0.5 <= event.score <= 1 for doc in docs for event in get_events(doc))
    assert nlp.evaluate(examples)["events_f"] == 1.0

    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert scored(predict(loaded, given(loaded, samples, key))) == scored(docs)
    other = spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())
    assert other.get_pipe("event_pointer").labels == nlp.get_pipe("event_pointer").labels
    assert scored(predict(other, given(other, samples, key))) == scored(docs)


def test_events_survive_copies_and_workers(trained):
    docs = predict(trained)
    before = scored(docs)
    assert any(before)
    assert scored(doc.copy() for doc in docs) == before
    assert scored(pickle.loads(pickle.dumps(docs))) == before
    stored = DocBin(docs=docs).to_bytes()
    assert scored(DocBin().from_bytes(stored).get_docs(trained.vocab)) == before
    assert scored(predict(trained, n_process=2, batch_size=2)) == before


def test_any_document_is_predicted(trained):
    docs = [trained.make_doc(text) for text in ("", "  ", "War", "War. " * 100, "a b")]
    for doc in docs:
        doc.spans["sc"] = []
    set_spans(docs[2], [("War", "War")])
    docs[3].spans["sc"] = [docs[3][i : i + 1] for i in range(len(docs[3]))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(trained.pipe(docs))
    assert all(has_events(doc) for doc in found)
    assert [len(get_events(doc)) for doc in found] == [0, 0, 1, 0, 0]
    assert trained.get_pipe("event_pointer").predict([]) == []


def test_the_score_of_an_event_is_that_of_its_weakest_edge_or_of_its_trigger(trained):
    doc = given(trained)[3]
    spans = list(doc.spans["sc"])
    scores = [0.9, 0.8, 0.7]
    doc.spans["sc"] = SpanGroup(doc, spans=spans, attrs={"scores": scores})
    found = {event.type: event.score for event in get_events(trained(doc))}
    assert found["War"] == pytest.approx(0.9)
    assert found["Flee"] == pytest.approx(0.7)
    assert 0.5 < found["Cause"] < 1
    plain = {event.type: event.score for event in get_events(predict(trained)[3])}
    assert plain == {"War": 1.0, "Flee": 1.0, "Cause": found["Cause"]}


def test_thresholds_are_read_when_called(trained):
    pipe = trained.get_pipe("event_pointer")
    before = pipe.cfg

    def found(**changes):
        pipe.cfg = {**before, **changes}
        try:
            return predict(trained)
        finally:
            pipe.cfg = before

    alone = found(threshold=1.0)
    assert all(not event.arguments for doc in alone for event in get_events(doc))
    # every trigger is an event
    assert [len(get_events(doc)) for doc in alone][:5] == [2, 1, 1, 3, 1]
    no_links = found(label_thresholds=[[SAME_EVENT, 1.0]])
    assert all(len(event.arguments) < 2 for doc in no_links for event in get_events(doc))
    assert len(get_events(no_links[0])) == 5
    joined = found(label_thresholds=[[SAME_EVENT, 0.0]], type_pairs="any")
    assert len(get_events(joined[1])) == 1
    lowest = [event.score for doc in found(threshold=0.9) for event in get_events(doc)]
    assert min(lowest) >= 0.9
    pipe._warned.clear()
    with pytest.warns(
        UserWarning, match="left out 3 arguments .*'Anna met.* max_arguments = 1 all"
    ):
        few = found(max_arguments=1)
    assert max(len(event.arguments) for doc in few for event in get_events(doc)) == 1
    with pytest.warns(UserWarning, match="only some of the events of 1 triggers .*'Smoke.*max_ev"):
        few = found(max_events=1)
    assert len(get_events(few[1])) == 1
    near = found(threshold=0.0, max_distance=1, type_pairs="any")
    assert all(
        a.span.start - e.trigger.end <= 1 and e.trigger.start - a.span.end <= 1
        for doc in near
        for e in get_events(doc)
        for a in e.arguments
    )


def test_only_spans_with_the_type_of_an_event_are_triggers(trained):
    doc = trained.make_doc("War causes flight.")
    set_spans(doc, [("War", "PER"), ("causes", "Cause"), ("flight", "ILL")])
    assert {event.trigger.text for event in get_events(trained(doc))} == {"causes"}


def test_a_component_from_another_pipeline_keeps_its_events(trained):
    nlp = spacy.blank("en")
    nlp.add_pipe("event_pointer", source=trained, name="copied")
    assert scored(predict(nlp)) == scored(predict(trained))


@pytest.mark.parametrize("reload", [True, False])
def test_role_added_later_can_be_learned(reload, tmp_path):
    nlp = make_event_nlp()
    train_events(nlp, make_event_examples(nlp))
    before = scored(predict(nlp))
    if reload:
        nlp.to_disk(tmp_path)
        nlp = spacy.load(tmp_path)
    pipe = nlp.get_pipe("event_pointer")
    assert pipe.labels == tuple(EVENT_LABELS)
    assert (pipe.add_label("who"), pipe.add_label("when")) == (0, 1)
    assert pipe.labels == (*EVENT_LABELS, "when")
    assert scored(predict(nlp)) == before  # type_pairs: "when" was not seen
    spans = [("Bob", "PER"), ("sang", "Sing"), ("today", "TIME")]
    event = ("Sing", 1, [("who", 0), ("when", 2)])
    new = make_event_example(nlp, "Bob sang today.", spans, [event])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update([*make_event_examples(nlp), new], sgd=optimizer)
    assert "Sing" in pipe.rules.types
    assert happened(nlp(new.predicted.copy())) == happened(new.reference)
    assert [happened(doc) for doc in predict(nlp)] == wanted(nlp)


def test_labels_from_data_and_without_data():
    nlp = make_event_nlp()
    nlp.initialize(lambda: make_event_examples(nlp))
    pipe = nlp.get_pipe("event_pointer")
    assert pipe.labels == tuple(EVENT_LABELS)
    assert pipe.model.attrs["event_types"] == ["Cause", "Flee", "Meet", "Quit", "War"]
    assert nlp.meta["labels"]["event_pointer"] == EVENT_LABELS
    nlp = make_event_nlp()
    nlp.config["initialize"]["components"]["event_pointer"] = {"labels": ["B", "A"]}
    nlp.initialize()
    assert nlp.get_pipe("event_pointer").labels == ("B", "A")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not any(map(get_events, predict(nlp)))
    with pytest.raises(ValueError, match=r"needs gold events or labels.*set_events"):
        make_event_nlp().initialize()


def test_there_is_a_link_only_if_events_share_a_trigger():
    nlp = make_event_nlp()
    examples = make_event_examples(nlp, [x for x in HAPPENED if "Smoke" not in x[0]])
    train_events(nlp, examples)
    assert nlp.get_pipe("event_pointer").labels == ("of", "what", "where", "who")
    docs = [nlp(x.predicted.copy()) for x in examples]
    assert [happened(doc) for doc in docs] == [happened(x.reference) for x in examples]


def test_events_that_share_a_trigger_stay_apart_even_if_each_has_one_argument():
    spans = [("Anna", "PER"), ("left", "Quit"), ("Ulm", "LOC")]
    apart = ("Anna left Ulm.", spans, [("Quit", 1, [("who", 0)]), ("Quit", 1, [("where", 2)])])
    nlp = make_event_nlp()
    examples = make_event_examples(nlp, [apart])
    train_events(nlp, examples)
    assert SAME_EVENT in nlp.get_pipe("event_pointer").labels
    assert happened(nlp(examples[0].predicted.copy())) == happened(examples[0].reference)


def test_training_again_forgets_the_events_of_the_first():
    nlp = make_event_nlp(trigger=False)
    nlp.initialize(lambda: make_event_examples(nlp, LABELLED))
    attrs = nlp.get_pipe("event_pointer").model.attrs
    assert ["Pay|to", "Pay", "to"] in attrs["node_roles"]
    assert attrs["event_types"] == ["Pay", "Sell"]
    spans = [("Bob", "Pay|to"), ("Ann", "x")]
    other = make_event_example(nlp, "Bob saw Ann.", spans, [("Sell", None, [("by", 0), ("to", 1)])])
    nlp.initialize(lambda: [other])
    assert attrs["node_roles"] == [["Pay|to", "Sell", "by"], ["x", "Sell", "to"]]
    assert attrs["event_types"] == ["Sell"]


def test_settings_of_the_config_win_over_those_of_training(trained, tmp_path):
    trained.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components.event_pointer.threshold": 1.0})
    assert loaded.get_pipe("event_pointer").cfg["threshold"] == 1.0
    assert not any(event.arguments for doc in predict(loaded) for event in get_events(doc))


@pytest.mark.parametrize(("trigger", "samples"), [(True, HAPPENED), (False, LABELLED)])
def test_trigger_cannot_change_after_training(trigger, samples, tmp_path):
    nlp = make_event_nlp(trigger=trigger)
    nlp.initialize(lambda: make_event_examples(nlp, samples))
    nlp.to_disk(tmp_path)
    other = {"components.event_pointer.trigger": not trigger}
    loaded = spacy.load(tmp_path, config=other)
    with pytest.raises(ValueError, match=f"trigger = {trigger}".lower()):
        predict(loaded, given(loaded, samples))
    other_samples = LABELLED if trigger else HAPPENED
    loaded.initialize(lambda: make_event_examples(loaded, other_samples))
    loaded.get_pipe("event_pointer").cfg["trigger"] = trigger
    with pytest.raises(ValueError, match="trigger must be as in training"):
        predict(loaded, given(loaded, samples))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 1.5}, r"threshold must be a probability in \[0, 1\], was: 1.5"),
        ({"max_distance": 0}, "max_distance must be a whole number of at least 1, or null, was: 0"),
        ({"max_arguments": 0}, "max_arguments must be a whole number of at least 1, was: 0"),
        ({"max_events": -1}, "max_events must be a whole number of at least 1, was: -1"),
        ({"max_events": 2**31}, "max_events must be a whole number of at most 2147483647, was: 21"),
        ({"candidates": "all"}, r"candidates must be one of .*'predicted'\), was: 'all'"),
        ({"type_pairs": "none"}, "type_pairs must be one of .* was: 'none'"),
        ({"missing": "x"}, "missing must be one of .* was: 'x'"),
        ({"events_key": "sc"}, "events_key must differ from spans.*both are: 'sc'"),
    ],
)
def test_settings_that_cannot_be_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        make_event_nlp(**settings)


def test_a_model_of_another_component_is_an_error():
    model = {
        "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
        "tok2vec": OWN,
        "head_size": 4,
    }
    with pytest.raises(ValueError, match=r"To fix: keep the tok2vec.*SpanPairs.v1"):
        spacy.blank("en").add_pipe("event_pointer", config={"model": model})


def test_a_thousand_triggers_take_bounded_time_and_say_what_is_left_out(trained):
    pipe = trained.get_pipe("event_pointer")
    doc = trained.make_doc("met " * 1200)
    doc.spans["sc"] = [Span(doc, i, i + 1, "Meet") for i in range(len(doc))]
    pipe._warned.clear()
    pipe._n_updates = 10_000
    before, pipe.cfg = pipe.cfg, {**pipe.cfg, "threshold": 0.0, "type_pairs": "any"}
    started = time.process_time()
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            (found,) = pipe.predict([doc])
    finally:
        pipe.cfg = before
    assert time.process_time() - started < 60
    messages = " ".join(str(w.message) for w in seen)
    assert "left out 200 spans in doc.spans['sc']" in messages
    assert "read events from only the best 64000 edges" in messages
    assert len({event.trigger for event in found.scores}) == 1000
    assert all(len(event.arguments) <= 32 for event in found.scores)
