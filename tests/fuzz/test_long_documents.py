"""Documents of 1 to 20,000 tokens through all components."""

import time
from itertools import pairwise

import pytest
from fuzz_docs import NLP, check_weights, make_pipes, quiet
from relation_samples import make_relation_examples
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam

from spacy_globalpointer import Argument, Event, Relation, set_events, set_relations


def make_long(n, n_spans):
    """A document of n tokens, with spans, relations and events all over it."""
    doc = Doc(NLP.vocab, words=[f"w{i % 97}" for i in range(n)])
    starts = range(0, n, max(1, n // n_spans))
    doc.spans["sc"] = [Span(doc, i, min(n, i + 2), "XY"[i % 2]) for i in starts]
    spans = [*doc.spans["sc"]]
    set_relations(doc, [Relation(a, b, "r") for a, b in pairwise(spans)])
    set_events(doc, [Event(x.label_, x, (Argument("who", spans[0]),)) for x in spans[1:9]])
    return Example(NLP.make_doc(" ".join(token.text for token in doc)), doc)


@pytest.mark.parametrize(
    "n", [1, 2, *(pytest.param(n, marks=pytest.mark.nightly) for n in (300, 5_000, 20_000))]
)
def test_documents_of_any_length_are_learned_and_predicted(n):
    pipes, examples = make_pipes(), [make_long(max(n, 4), 200), *make_relation_examples(NLP)]
    examples[0] = examples[0] if n >= 4 else make_long(n, 1)
    before = time.process_time()
    doc = examples[0].reference.copy()
    for pipe in pipes.values():
        if pipe.name == "event_pointer" and n < 4:
            continue  # no event fits
        quiet(pipe.initialize, lambda: examples)
        losses = quiet(pipe.update, examples[:1], sgd=Adam(0.001))
        assert losses[pipe.name] >= 0
        doc = quiet(pipe, doc)
    check_weights(pipes)
    assert all(0 <= span.start < span.end <= n for span in doc.spans["sc"])
    assert time.process_time() - before < 120
