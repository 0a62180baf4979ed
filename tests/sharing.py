"""Pipelines in which components of spaCy and all of ours share one encoder."""

import warnings

import pytest
import spacy
from frozen.make import make_examples
from relation_samples import RELATED
from samples import OWN, encoders
from thinc.api import Adam

KINDS = ["tok2vec", "transformer"]
OURS = {
    "spans": ("global_pointer", "EfficientGlobalPointer", {}),
    "flat": ("global_pointer", "GlobalPointer", {"spans_key": "flat", "adversarial": 0.1}),
    "relations": ("relation_pointer", "SpanPairs", {"symmetric": ["KNOWS"]}),
    "events": ("event_pointer", "SpanPairs", {}),
}
OTHERS = {
    "tagger": {"@architectures": "spacy.Tagger.v2"},
    "ner": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 8,
        "maxout_pieces": 1,
        "use_upper": False,
    },
    "textcat": {
        "@architectures": "spacy.TextCatReduce.v1",
        "exclusive_classes": True,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
    },
}
ORDERS = {
    "first": [*OURS, *OTHERS],
    "middle": ["tagger", *OURS, "ner", "textcat"],
    "last": [*OTHERS, *OURS],
}
TEXTS = [text for text, *_ in RELATED]


def encoder_settings(kind, request):
    if kind == "transformer":
        pytest.importorskip("spacy_transformers")
        return encoders(request.getfixturevalue("tiny_bert"))[kind]
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    return {"upstream": ("tok2vec", {"model": OWN}), "encoder": listener}


def make_shared_nlp(kind, request, order="last"):
    """An untrained pipeline of an encoder and the components that share it, in an order.

    request: of pytest, for the fixture with a transformer.
    """
    settings = encoder_settings(kind, request)
    nlp = spacy.blank("en")
    nlp.add_pipe(settings["upstream"][0], name="encoder", config=settings["upstream"][1])
    for name in ORDERS[order]:
        if name in OTHERS:
            model = {**OTHERS[name], "tok2vec": settings["encoder"]}
            nlp.add_pipe(name, config={"model": model})
            continue
        factory, head, own = OURS[name]
        architecture = f"spacy_globalpointer.{head}.v1"
        model = {"@architectures": architecture, "head_size": 8, "tok2vec": settings["encoder"]}
        # Even of a pipeline that has learned little, all find something.
        nlp.add_pipe(factory, name=name, config={"threshold": 0.05, **own, "model": model})
    return nlp


def annotate_for_all(nlp, has_ours=True):
    """The sentences with gold for each component; without that of ours on demand."""
    examples = make_examples(nlp)
    for place, example in enumerate(examples):
        doc = example.reference
        for token in doc:
            token.tag_ = token.text[0].upper()
        doc.ents = spacy.util.filter_spans(doc.spans["sc"])
        doc.cats = {"EVEN": float(place % 2 == 0), "ODD": float(place % 2)}
        for key in () if has_ours else list(doc.spans):
            del doc.spans[key]
    return examples


def learn(nlp, kind):
    """Learn a little, so that each component finds something."""
    steps, learn_rate = {"tok2vec": (25, 0.01), "transformer": (80, 0.003)}[kind]
    examples = annotate_for_all(nlp)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        nlp.initialize(lambda: examples)
        optimizer = Adam(learn_rate)
        for _ in range(steps):
            nlp.update(examples, sgd=optimizer)
    return nlp


def assert_same_found(one, other):
    """Two lists of what was found in the same documents, as `describe` gives it; none is empty."""
    for own, others in zip(one, other, strict=True):
        for what in own:
            rows, other_rows = own[what], others[what]
            if what != "text":
                scores = [[row[-1] for row in found] for found in (rows, other_rows)]
                assert scores[0] == pytest.approx(scores[1], abs=1e-5)
                rows, other_rows = ([row[:-1] for row in found] for found in (rows, other_rows))
            assert rows == other_rows
    assert all(any(row[what] for row in one) for what in one[0])
