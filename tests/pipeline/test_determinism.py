"""The same seed, data and versions give the same weights, bit for bit, on processors."""

import pytest
import torch
from event_samples import make_event_examples, make_event_nlp
from relation_samples import make_relation_examples, make_relation_nlp
from samples import make_examples, make_nlp
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

KINDS = {
    "spans": (make_nlp, make_examples, {}),
    "published": (make_nlp, make_examples, {"head": "GlobalPointer"}),
    "second look": (make_nlp, make_examples, {"rescorer": {}}),
    "relations": (make_relation_nlp, make_relation_examples, {}),
    "events": (make_event_nlp, make_event_examples, {}),
}


def _learn(nlp, examples, steps=3):
    fix_random_seed(1)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer, drop=0.1)
    return nlp.get_pipe(nlp.pipe_names[-1]).model.to_bytes()


def _repeat(nlp, doc, times):
    """An example of one long text."""
    words = [token.text for token in doc] * times
    reference = Doc(nlp.vocab, words)
    reference.spans["sc"] = [
        Span(reference, span.start + start, span.end + start, span.label_)
        for start in range(0, len(words), len(doc))
        for span in doc.spans["sc"]
    ]
    return Example(Doc(nlp.vocab, words), reference)


@pytest.mark.filterwarnings("ignore:.*joins the spans:UserWarning")  # there is only their gold
@pytest.mark.parametrize("kind", KINDS)
def test_a_second_training_gives_the_same_weights(kind):
    make, annotate, settings = KINDS[kind]
    nlp = make(**settings)
    first = _learn(nlp, annotate(nlp))
    assert _learn(nlp, annotate(nlp)) == first, "of the same pipeline, initialized again"
    other = make(**settings)
    assert _learn(other, annotate(other)) == first, "of another pipeline"


@pytest.mark.parametrize("kind", ["spans", "second look"])
def test_training_on_a_long_text_is_the_same_on_any_number_of_threads(kind):
    make, annotate, settings = KINDS[kind]
    nlp = make(**settings)
    example = _repeat(nlp, annotate(nlp)[0].reference, 250)
    weights = []
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            weights.append(_learn(nlp, [example], steps=2))
    finally:
        torch.set_num_threads(before)
    assert weights[0] == weights[1]
