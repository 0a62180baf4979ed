"""What event_pointer learns from, what it says of the rest, and training with other components."""

import warnings

import numpy
import pytest
import spacy
from event_samples import (
    HAPPENED,
    LABELLED,
    as_event,
    happened,
    make_event_example,
    make_event_examples,
    make_event_nlp,
    train_events,
)
from relation_samples import set_spans
from samples import OWN, encoder_settings
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from spacy_globalpointer import Argument, Event, get_events, has_events, set_events
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT
from spacy_globalpointer.spans import LabelledRelation, LabelledSpan

pytestmark = pytest.mark.filterwarnings("ignore:.*no component before it writes them")
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "tok2vec"}


def initialized(samples=HAPPENED, **settings):
    nlp = make_event_nlp(**settings)
    nlp.initialize(lambda: make_event_examples(nlp, samples))
    return nlp, nlp.get_pipe("event_pointer")


def loss_of(pipe, examples):
    rows, _ = pipe.model.begin_update([spans for spans, _ in pipe._read(examples)])
    return pipe.get_loss(examples, rows)


def test_the_edges_of_events_are_learned():
    nlp, pipe = initialized()
    ((_, edges),) = pipe._read([make_event_examples(nlp)[1]])
    smoke, causes = LabelledSpan(0, 1, "THING"), LabelledSpan(1, 2, "Cause")
    cancer, asthma = LabelledSpan(2, 3, "ILL"), LabelledSpan(4, 5, "ILL")
    assert edges == {
        LabelledRelation(causes, smoke, "of"),
        LabelledRelation(causes, cancer, "what"),
        LabelledRelation(causes, asthma, "what"),
        LabelledRelation(smoke, cancer, SAME_EVENT),
        LabelledRelation(smoke, asthma, SAME_EVENT),
    }
    nlp, pipe = initialized(LABELLED, trigger=False)
    ((_, edges),) = pipe._read([make_event_examples(nlp, LABELLED)[1]])
    acme, ann, dan = (
        LabelledSpan(0, 1, "Pay|from"),
        *(LabelledSpan(i, i + 1, "Pay|to") for i in (2, 4)),
    )
    assert edges == {LabelledRelation(acme, ann, "Pay"), LabelledRelation(acme, dan, "Pay")}


@pytest.mark.parametrize("kind", ["own", "tok2vec", "transformer"])
@pytest.mark.parametrize("architecture", ["SpanPairs", "GPLinker"])
def test_update_takes_every_mix_of_documents(kind, architecture, tiny_bert):
    nlp = make_event_nlp(architecture, **encoder_settings(kind, tiny_bert))
    nlp.initialize(lambda: make_event_examples(nlp))
    pipe = nlp.get_pipe("event_pointer")
    empty = make_event_example(nlp, "", [], [])
    blank = make_event_example(nlp, "  ", [], [])
    one = make_event_example(nlp, "War", [("War", "War")], [("War", 0, [])])
    missing = make_event_example(nlp, "War broke out.", [("War", "War")], None)
    losses = nlp.update([empty, blank, one, missing, *make_event_examples(nlp)], sgd=Adam(0.01))
    assert losses["event_pointer"] > 0
    docs = [x.predicted.copy() for x in [empty, blank, one, missing, *make_event_examples(nlp)]]
    assert all(map(has_events, nlp.pipe(docs)))
    assert pipe.update([]) == {"event_pointer": 0.0}
    assert pipe.update([empty]) == {"event_pointer": 0.0}


def test_missing_events_are_not_annotated_and_no_events_are_negative():
    nlp, pipe = initialized()
    text, spans, _ = HAPPENED[1]
    examples = [make_event_example(nlp, text, spans, events) for events in (None, [])]
    _, (missing, empty) = loss_of(pipe, examples)
    assert not missing.any()
    assert empty.any()
    pipe.cfg["missing"] = "negative"
    _, (missing, empty) = loss_of(pipe, examples)
    numpy.testing.assert_allclose(missing, empty, rtol=1e-4, atol=1e-6)


def test_a_batch_without_events_learns_nothing_and_says_so():
    nlp, pipe = initialized()
    example = make_event_example(nlp, *HAPPENED[0][:2], None)
    with pytest.warns(
        UserWarning, match=r"learns nothing from a batch of 1 .*'events'.*set_events"
    ):
        loss, (d_rows,) = loss_of(pipe, [example])
    assert loss == 0.0
    assert not d_rows.any()


def test_triggers_and_arguments_are_candidates_even_if_they_are_in_no_group():
    nlp, pipe = initialized()
    example = make_event_example(nlp, *HAPPENED[1])
    example.reference.spans["sc"] = []
    example.predicted.spans["sc"] = []
    (((_, spans), edges),) = pipe._read([example])
    assert (len(spans), len(edges)) == (4, 5)
    alone = make_event_example(nlp, *HAPPENED[7], predicted=False)
    alone.reference.spans["sc"] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (((_, spans), edges),) = pipe._read([alone])
    assert (spans, edges) == ([LabelledSpan(0, 1, "War")], set())


def test_a_predicted_span_that_is_not_gold_is_a_candidate():
    nlp, pipe = initialized()
    example = make_event_example(nlp, *HAPPENED[4], predicted=[("resigned", "Quit"), (".", "PER")])
    (((_, spans), edges),) = pipe._read([example])
    assert (len(spans), len(edges)) == (3, 1)


def test_what_cannot_be_learned_is_counted_once():
    nlp = make_event_nlp(max_distance=2, max_arguments=2)
    spans = [("a", "X"), ("b", "T"), ("c", "X"), ("d", "Y"), ("f", "X")]
    events = [
        ("T", 1, [("r", 1)]),
        ("T", 1, [("r", 0), ("s", 2)]),
        ("T", 1, [("r", 0)]),
        ("X", None, [("r", 1)]),
        ("X", 4, [("r", 0)]),
    ]
    examples = [make_event_example(nlp, "a b c d e f", spans, events)]
    reference = Doc(nlp.vocab, ["one", "-", "two"], [False, True, False])
    gold = set_spans(reference, [("one", "T"), ("two", "X")])
    set_events(reference, [Event("T", gold[0], ()), Event("X", gold[1], (Argument("r", gold[0]),))])
    doc = Doc(nlp.vocab, ["one-", "two"])
    examples.append(Example(doc, reference))
    message = (
        r"cannot learn 6 of 7 gold events, and will miss them: "
        r"1 have no trigger \(trigger = true\), such as in 'a b c d e f'; "
        r"1 have their own trigger as an argument \(allow_self = false\), such as in 'a b .*'; "
        r"1 do not follow from their edges: .*, such as in 'a b c d e f'; "
        r"1 join spans that are further apart than max_distance, such as in 'a b c d e f'; "
        r"1 have a trigger that does not begin and end where predicted tokens do, such as in 'one-"
        r" two '; 1 have an argument that does not begin and end where predicted tokens do"
    )
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: examples)
    assert nlp.get_pipe("event_pointer").labels == (SAME_EVENT, "r", "s")
    for example in examples:
        example.predicted.spans["sc"] = []
    nlp.update(examples)  # no second warning: they are errors here


def test_an_event_may_contain_itself():
    nlp = make_event_nlp(allow_self=True)
    spans = [("Talk", "Say"), ("talk", "Say"), ("Bob", "PER")]
    events = [("Say", 0, [("what", 0), ("what", 1)]), ("Say", 1, [("what", 0), ("who", 2)])]
    example = make_event_example(nlp, "Talk of talk, says Bob.", spans, events)
    train_events(nlp, [example])
    assert happened(nlp(example.predicted.copy())) == happened(example.reference)


def test_an_event_without_a_trigger_says_what_to_set():
    nlp = make_event_nlp()
    with pytest.raises(ValueError, match=r"has no labels.*trigger and an argument.*trigger = fals"):
        nlp.initialize(lambda: make_event_examples(nlp, LABELLED))
    nlp = make_event_nlp(trigger=False)
    with pytest.raises(ValueError, match=r"has no labels.*two arguments and no.*trigger = true"):
        nlp.initialize(lambda: make_event_examples(nlp))
    events = [*HAPPENED, LABELLED[0]]
    nlp = make_event_nlp()
    with pytest.warns(UserWarning, match=r"cannot learn 2 of \d+ .*no trigger \(trigger = true"):
        nlp.initialize(lambda: make_event_examples(nlp, events))


def test_a_label_with_two_meanings_is_an_error():
    nlp = make_event_nlp(trigger=False)
    spans = [("Anna", "PER"), ("Bob", "PER")]
    events = [("Pay", None, [("from", 0), ("to", 1)])]
    example = make_event_example(nlp, "Anna paid Bob.", spans, events)
    message = (
        r"the label of a span must mean one role.*'PER' is 'from' of 'Pay' and 'to' of 'Pay', such "
        r"as of 'Bob'. To fix: .* such as 'Pay\|to'"
    )
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: [example])
    nlp, _ = initialized(LABELLED, trigger=False)
    events = [("Sell", None, [("to", 0)])]
    example = make_event_example(nlp, "Anna paid.", [("Anna", "Pay|to")], events)
    with pytest.raises(ValueError, match=r"'Pay\|to' is 'to' of 'Pay' and 'to' of 'Sell'"):
        nlp.update([example])


def test_no_role_may_be_called_as_the_link():
    nlp = make_event_nlp()
    spans = [("Anna", "PER"), ("met", "Meet")]
    example = make_event_example(nlp, "Anna met.", spans, [("Meet", 1, [(SAME_EVENT, 0)])])
    with pytest.raises(ValueError, match=r"must not be called '\(same event\)'.*'Anna'.*rename"):
        nlp.initialize(lambda: [example])


def test_labels_that_are_unknown_are_named():
    nlp, _ = initialized()
    text, spans, _ = HAPPENED[4]
    example = make_event_example(nlp, text, spans, [("Quit", 1, [("NEW", 0)])])
    with pytest.raises(ValueError, match=r"not know the label 'NEW' .*event.*add_label\('NEW'\)"):
        nlp.update([example])
    nlp, pipe = initialized(HAPPENED[2:5])
    example = make_event_examples(nlp)[1]
    message = r"no label '\(same event\)' to tell apart gold events that share a trigger.*add_label"
    pipe.add_label("of")
    pipe.add_label("what")
    with pytest.raises(ValueError, match=message):
        nlp.update([example])
    pipe.add_label(SAME_EVENT)
    assert nlp.update([example])["event_pointer"] > 0


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "Quit", "trigger": 9, "arguments": []}],  # a trigger that is not there
        [{"type": "Quit", "trigger": 1, "arguments": [["who"]]}],  # a role without an argument
        [{"type": "Quit", "trigger": 1, "arguments": [["who", 7]]}],  # one outside the text
    ],
)
def test_events_that_point_nowhere_are_an_error(events):
    nlp, _ = initialized()
    example = make_event_example(nlp, *HAPPENED[4])
    example.reference.spans["events"].attrs["events"] = events
    with pytest.raises(ValueError, match=r"'Bob resigned.'.* To fix: "):
        nlp.update([example])


def joint(annotating=("tok2vec", "global_pointer"), **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": OWN})
    for name, architecture in (
        ("global_pointer", "EfficientGlobalPointer"),
        ("event_pointer", "SpanPairs"),
    ):
        model = {
            "@architectures": f"spacy_globalpointer.{architecture}.v1",
            "tok2vec": LISTENER,
            "head_size": 16,
            "hidden_size": 24,
        }
        nlp.add_pipe(name, config={"model": model, **(settings if name == "event_pointer" else {})})
    nlp.config["training"]["annotating_components"] = list(annotating)
    return nlp


def learn(nlp, steps=120, annotates=("tok2vec", "global_pointer")):
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    for _ in range(steps):
        fresh = make_event_examples(nlp, predicted=False)
        nlp.update(fresh, sgd=optimizer, annotates=list(annotates))


def test_spans_and_events_are_learned_together(tmp_path):
    nlp = joint()
    nlp.initialize(lambda: make_event_examples(nlp, predicted=False))
    learn(nlp)
    scores = nlp.evaluate(make_event_examples(nlp, predicted=False))
    assert scores["spans_sc_f"] == scores["events_f"] == 1.0
    scored = next(e.score for e in get_events(nlp("War!")))
    assert scored == pytest.approx(float(nlp("War!").spans["sc"].attrs["scores"][0]))
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, *_ in HAPPENED:
        assert happened(loaded(text)) == happened(nlp(text))
    many = loaded.pipe([text for text, *_ in HAPPENED], n_process=2, batch_size=4)
    assert [happened(doc) for doc in many] == [happened(nlp(text)) for text, *_ in HAPPENED]


def test_events_are_learned_on_top_of_a_frozen_component():
    nlp = make_event_nlp()
    rules = nlp.add_pipe("span_ruler", first=True, config={"spans_key": "sc"})
    samples = [x for x in HAPPENED if "met" not in x[0]]
    patterns = {(label, span) for _, spans, _ in samples for span, label in spans}
    rules.add_patterns([{"label": label, "pattern": span} for label, span in sorted(patterns)])
    nlp.config["training"]["frozen_components"] = ["span_ruler"]
    nlp.config["training"]["annotating_components"] = ["span_ruler"]
    with nlp.select_pipes(disable=["span_ruler"]):  # as `spacy train` does
        nlp.initialize(lambda: make_event_examples(nlp, samples, predicted=False))
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(80):
        fresh = make_event_examples(nlp, samples, predicted=False)
        nlp.update(fresh, sgd=optimizer, annotates=["span_ruler"], exclude=["span_ruler"])
    assert nlp.evaluate(make_event_examples(nlp, samples, predicted=False))["events_f"] == 1.0


def test_an_annotating_component_needs_its_encoder():
    nlp = joint(annotating=["global_pointer"])
    with pytest.raises(ValueError, match="'tok2vec', which 'global_pointer' listens to, is not"):
        nlp.initialize(lambda: make_event_examples(nlp))


def test_score_weights_that_do_not_name_the_key_are_reported():
    nlp = make_event_nlp(events_key="x")
    examples = make_event_examples(nlp)
    for example, (_, _, events) in zip(examples, HAPPENED, strict=True):
        spans = list(example.reference.spans["sc"])
        set_events(example.reference, [as_event(event, spans) for event in events], "x")
    message = r"writes events [^$]*x_f = 1.0\nx_p = 0.0\nx_r = 0.0\nx_per_type = null"
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: examples)
