"""Documents of any text and tokens with any gold, and components small enough to learn them."""

import warnings
from copy import deepcopy
from functools import cache
from itertools import pairwise

import numpy
import spacy
from fuzzing import TEXTS
from hypothesis import strategies as st
from samples import OWN, RESCORER
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer import Argument, Event, Relation, set_events, set_relations
from spacy_globalpointer.nn import zlpr
from spacy_globalpointer.pipeline.event_pointer import EventPointer
from spacy_globalpointer.pipeline.global_pointer import GlobalPointer
from spacy_globalpointer.pipeline.relation_pointer import RelationPointer

NLP = spacy.blank("en")

TINY = {**OWN, "width": 8, "depth": 1, "embed_size": 40}
HEADS = {
    "efficient": {"@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1"},
    "plain": {"@architectures": "spacy_globalpointer.GlobalPointer.v1", "rope": False},
    "rescored": {
        "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
        "rescorer": {**RESCORER, "token_size": 4, "hidden_size": 6, "rival_size": 4},
    },
    "ranked": {
        "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
        "type_rank": 3,
        "hidden_size": None,
    },
}
PAIR_HEADS = ["SpanPairs", "GPLinker"]


@cache
def _make_model(name, architecture):
    """A model without weights, by way of the config; copies of it are a hundred times faster."""
    settings = HEADS.get(architecture) or {
        "@architectures": f"spacy_globalpointer.{architecture}.v1"
    }
    model = {"head_size": 4, "hidden_size": 6, "tok2vec": TINY, **settings}
    return NLP.create_pipe(name, config={"model": model}).model


def make_pipes(head="efficient", pairs="SpanPairs", spans=None, relations=None, events=None):
    """All three components by name, in order, each with a tiny encoder of its own.

    spans, relations, events: settings of the components.
    """
    kinds = {
        "global_pointer": (GlobalPointer, head, spans),
        "relation_pointer": (RelationPointer, pairs, relations),
        "event_pointer": (EventPointer, pairs, events),
    }
    return {
        name: kind(NLP.vocab, deepcopy(_make_model(name, own)), name, loss=zlpr, **(settings or {}))
        for name, (kind, own, settings) in kinds.items()
    }


def cut(draw, text):
    """A document of a text whose tokens are any pieces of it."""
    places = draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=12)) if text else set()
    borders = sorted({0, len(text), *(place for place in places if place < len(text))})
    words = [text[a:b] for a, b in pairwise(borders)]
    return Doc(NLP.vocab, words=words, spaces=[False] * len(words))


def draw_doc(draw, text):
    """A document with the tokenizer's tokens, or any others."""
    return NLP.make_doc(text) if draw(st.booleans()) else cut(draw, text)


def draw_spans(draw, doc, labels):
    """Spans of a document: nested, crossing, twice, with several labels; none without tokens."""
    if not len(doc):
        return []
    place = st.integers(0, len(doc) - 1)
    rows = draw(st.lists(st.tuples(place, place, st.sampled_from(labels)), max_size=6))
    return [Span(doc, min(a, b), max(a, b) + 1, label=label) for a, b, label in rows]


def set_gold(draw, doc, labels, roles, kinds):
    """Give a document spans, relations and events, or leave some of them out."""
    spans = draw_spans(draw, doc, labels)
    doc.spans["sc"] = spans
    anywhere = spans + draw_spans(draw, doc, labels) if draw(st.booleans()) else spans
    one = st.sampled_from(anywhere) if anywhere else st.nothing()
    relations = st.builds(Relation, one, one, st.sampled_from(roles), st.none())
    if draw(st.booleans()):
        set_relations(doc, draw(st.lists(relations, max_size=5)) if anywhere else [])
    if draw(st.booleans()):
        set_events(doc, draw_events(draw, doc, one if anywhere else None, roles, kinds))
    if draw(st.integers(0, 9)) == 0:
        del doc.spans["sc"]


def draw_events(draw, doc, one, roles, kinds):
    """Events with triggers, whose arguments are any spans: also their own triggers."""
    if one is None:
        return []
    triggers = [
        Span(doc, span.start, span.end, label=draw(st.sampled_from(kinds)))
        for span in draw(st.lists(one, max_size=3))
    ]
    anything = one | st.sampled_from(triggers) if triggers else one
    arguments = st.lists(st.builds(Argument, st.sampled_from(roles), anything), max_size=4)
    return [Event(span.label_, span, tuple(draw(arguments))) for span in triggers]


@st.composite
def examples_of(draw, labels, roles, kinds):
    """Examples whose predicted tokens are those of the reference, or not."""
    found = []
    for text in draw(st.lists(TEXTS, min_size=1, max_size=3)):
        reference = draw_doc(draw, text)
        set_gold(draw, reference, labels, roles, kinds)
        predicted = draw_doc(draw, text)
        if draw(st.booleans()):
            predicted.spans["sc"] = draw_spans(draw, predicted, labels)
        found.append(Example(predicted, reference))
    return found


def quiet(function, *arguments, **settings):
    """Call a function that may warn of what it is given; other warnings are errors as always."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*arguments, **settings)


def check_weights(pipes):
    """All weights of all components are finite."""
    for name, pipe in pipes.items():
        for node in pipe.model.walk():
            for what in node.param_names:
                if node.has_param(what):
                    assert numpy.isfinite(node.get_param(what)).all(), (name, node.name, what)
