"""Documents whose events partly contradict each other, and pipelines that are often wrong."""

import random
import warnings

from noisy import make_noisy, save
from samples import OWN, make_nlp
from spacy.tokens import Span
from spacy.util import fix_random_seed

from spacy_globalpointer.events import Argument, Event, set_events

TRIGGERS = {"met": "Meet", "saw": "See", "went": "Go"}


def make_noisy_events(nlp, documents, seed, trigger=True):
    """Examples of `make_noisy`, with sentences, triggers and events that are partly left to chance.

    Who sees several things does so in an event each, which share their trigger; what is seen may be
    another event. Without triggers, neighbours are in an event, so that some of them are in two.
    """
    chance = random.Random(seed)
    for example in make_noisy(nlp, documents, seed):
        doc = example.reference
        for token in doc:
            token.is_sent_start = token.i == 0 or token.text == "the"
        names = [span for span in sorted(doc.spans["sc"]) if span.label_ != "FIRST"]
        if trigger:
            triggers = [
                Span(doc, t.i, t.i + 1, TRIGGERS[t.text]) for t in doc if t.text in TRIGGERS
            ]
            doc.spans["sc"] = [*doc.spans["sc"], *triggers]
            events = [e for own in triggers for e in _happen(own, names, triggers, chance)]
        else:
            doc.spans["sc"] = names
            events = _pair_up(names, chance)
        set_events(doc, events)
        yield example


def _happen(trigger, names, triggers, chance):
    """The events of a trigger."""
    near = [span for span in names if abs(span.start - trigger.start) < 8 and chance.random() < 0.8]
    before = [Argument("who", span) for span in near if span.start < trigger.start]
    after = [span for span in near if span.start > trigger.start]
    kind = trigger.label_
    if kind == "Go":
        return [Event(kind, trigger, tuple(before[:1]))]
    if kind == "Meet":
        return [Event(kind, trigger, (*before, *(Argument("who", span) for span in after)))]
    later = [other for other in triggers if other.start > trigger.start]
    seen = [*after, *(later[:1] if chance.random() < 0.5 else ())]
    return [Event(kind, trigger, (*before[-1:], Argument("what", span))) for span in seen]


def _pair_up(names, chance):
    roles = {"PERSON": ("Meet", "who"), "GPE": ("Meet", "where"), "ORG": ("Deal", "by")}
    events = []
    for place, span in enumerate(names):
        kind, role = roles[span.label_]
        others = [x for x in names[place + 1 :] if roles[x.label_][0] == kind][:1]
        pairs = ((Argument(role, span), Argument(roles[x.label_][1], x)) for x in others)
        events += [Event(kind, None, pair) for pair in pairs if chance.random() < 0.8]
    return events


def make_event_folder(folder, trigger=True, steps=25, **settings):
    """A pipeline that is often wrong, "model", and documents that it has not seen, "dev.spacy"."""
    fix_random_seed(0)
    nlp = make_nlp()
    model = {
        "@architectures": "spacy_globalpointer.SpanPairs.v1",
        "tok2vec": OWN,
        "head_size": 8,
        "hidden_size": 16,
    }
    config = {"trigger": trigger, "model": model, **settings}
    nlp.add_pipe("event_pointer", config=config)
    nlp.config["training"]["annotating_components"] = ["global_pointer"]
    examples = list(make_noisy_events(nlp, 60, seed=0, trigger=trigger))
    with warnings.catch_warnings():
        # Of what chance makes, edges cannot say all.
        warnings.filterwarnings("ignore", "'event_pointer' cannot learn")
        optimizer = nlp.initialize(lambda: examples)
        optimizer.learn_rate = 0.01
        for _ in range(steps):
            nlp.update(examples, sgd=optimizer, annotates=["global_pointer"])
    nlp.to_disk(folder / "model")
    dev = [example.reference for example in make_noisy_events(nlp, 80, seed=1, trigger=trigger)]
    save(dev, folder / "dev.spacy")
    return folder
