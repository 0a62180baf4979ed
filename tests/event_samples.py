"""A few sentences with events, and pipelines to learn them with."""

import spacy
from relation_samples import set_spans
from samples import OWN
from spacy.training import Example

from spacy_globalpointer import Argument, Event, get_events, set_events

# (text, [(span text, label)], [(type, trigger, [(role, argument)])]): two events of one type in a
# sentence, arguments that they share, nested arguments and events, two events with one trigger, a
# role twice, a trigger without arguments, a span in no event, none.
HAPPENED = [
    (
        "Anna met Bob in Ulm, and Eve met Dan.",
        [
            ("Anna", "PER"),
            ("Bob", "PER"),
            ("Ulm", "LOC"),
            ("met", "Meet"),
            ("Eve", "PER"),
            ("met Dan", "Meet"),
            ("Dan", "PER"),
        ],
        [
            ("Meet", 3, [("who", 0), ("who", 1), ("where", 2)]),
            ("Meet", 5, [("who", 4), ("who", 6)]),
        ],
    ),
    (
        "Smoke causes cancer and asthma.",
        [("Smoke", "THING"), ("causes", "Cause"), ("cancer", "ILL"), ("asthma", "ILL")],
        [("Cause", 1, [("of", 0), ("what", 2)]), ("Cause", 1, [("of", 0), ("what", 3)])],
    ),
    (
        "The mayor of Ulm resigned.",
        [("mayor of Ulm", "PER"), ("Ulm", "LOC"), ("resigned", "Quit")],
        [("Quit", 2, [("who", 0), ("where", 1)])],
    ),
    (
        "War causes flight.",
        [("War", "War"), ("causes", "Cause"), ("flight", "Flee")],
        [("War", 0, []), ("Flee", 2, []), ("Cause", 1, [("of", 0), ("what", 2)])],
    ),
    ("Bob resigned.", [("Bob", "PER"), ("resigned", "Quit")], [("Quit", 1, [("who", 0)])]),
    ("Eve and Ulm: all fled.", [("fled", "Flee"), ("Ulm", "LOC")], [("Flee", 0, [])]),
    (
        "Anna quit Ulm.",
        [("Anna", "PER"), ("Ulm", "LOC"), ("quit", "Quit")],
        [("Quit", 2, [("who", 0), ("where", 1)])],
    ),
    ("War!", [("War", "War")], [("War", 0, [])]),
    ("Dan is a man.", [("Dan", "PER")], []),
    (
        "Dust causes asthma.",
        [("Dust", "THING"), ("causes", "Cause"), ("asthma", "ILL")],
        [("Cause", 1, [("of", 0), ("what", 2)])],
    ),
    ("Eve met nobody.", [("Eve", "PER"), ("met", "Meet")], [("Meet", 1, [("who", 0)])]),
    ("Nothing happened.", [], []),
]
EVENT_LABELS = ["(same event)", "of", "what", "where", "who"]

# Without triggers: the label of a span is its role in a type of event. Several events of a type, an
# argument of two events, one alone, a span in no event.
LABELLED = [
    (
        "Acme paid Bob and Zeta paid Eve.",
        [("Acme", "Pay|from"), ("Bob", "Pay|to"), ("Zeta", "Pay|from"), ("Eve", "Pay|to")],
        [("Pay", None, [("from", 0), ("to", 1)]), ("Pay", None, [("from", 2), ("to", 3)])],
    ),
    (
        "Acme paid Ann and Dan, separately.",
        [("Acme", "Pay|from"), ("Ann", "Pay|to"), ("Dan", "Pay|to")],
        [("Pay", None, [("from", 0), ("to", 1)]), ("Pay", None, [("from", 0), ("to", 2)])],
    ),
    (
        "Bob sold the house to Zeta, who paid Bob.",
        [
            ("Bob", "Sell|by"),
            ("house", "Sell|what"),
            ("Zeta", "Sell|to"),
            ("Zeta", "Pay|from"),
            ("Bob.", "Pay|to"),
        ],
        [
            ("Sell", None, [("by", 0), ("what", 1), ("to", 2)]),
            ("Pay", None, [("from", 3), ("to", 4)]),
        ],
    ),
    ("Ann sold it.", [("Ann", "Sell|by")], [("Sell", None, [("by", 0)])]),
    ("Nothing was sold.", [], []),
]


def make_event_example(nlp, text, spans, events, key="sc", predicted=True):
    """An example whose spans are given by their text.

    predicted: whether the predicted document has the spans too; a list for other ones.
    key: of the spans; None for doc.ents.
    """
    reference, doc = nlp.make_doc(text), nlp.make_doc(text)
    gold = set_spans(reference, spans, key)
    if predicted:
        set_spans(doc, spans if predicted is True else predicted, key)
    if events is not None:
        set_events(reference, [as_event(event, gold) for event in events])
    return Example(doc, reference)


def as_event(event, spans):
    kind, trigger, arguments = event
    own = tuple(Argument(role, spans[place]) for role, place in arguments)
    return Event(kind, None if trigger is None else spans[trigger], own)


def make_event_examples(nlp, samples=HAPPENED, **settings):
    return [make_event_example(nlp, *sample, **settings) for sample in samples]


def make_event_nlp(architecture="SpanPairs", encoder=None, upstream=None, **settings):
    """A blank pipeline with the component; the spans are those of the examples.

    upstream: (factory, config) of a shared encoder.
    """
    nlp = spacy.blank("en")
    if upstream is not None:
        nlp.add_pipe(upstream[0], config=upstream[1])
    model = {
        "@architectures": f"spacy_globalpointer.{architecture}.v1",
        "tok2vec": encoder or OWN,
        "head_size": 16,
        "hidden_size": 24,
    }
    nlp.add_pipe("event_pointer", config={**settings, "model": model})
    return nlp


def train_events(nlp, examples, steps=80, learn_rate=0.01):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    losses = {}
    for _ in range(steps):
        losses.clear()
        nlp.update(examples, sgd=optimizer, losses=losses)
    return losses


def happened(doc):
    """{(type, trigger text, {(role, argument text)})} of a document."""
    return {
        (
            event.type,
            event.trigger and event.trigger.text,
            frozenset((role, span.text) for role, span in event.arguments),
        )
        for event in get_events(doc)
    }
