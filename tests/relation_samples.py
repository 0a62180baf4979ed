"""A few sentences with relations, and pipelines to learn them with."""

import spacy
from samples import OWN
from spacy.training import Example

from spacy_globalpointer import Relation, get_relations, set_relations

# (text, [(span text, label)], [(head, child, label)]): nested arguments, both directions, two
# labels for one pair, one without direction, a span in no relation, a span twice, none.
RELATED = [
    (
        "The University of Ulm hired Anna Berg.",
        [("University of Ulm", "ORG"), ("Ulm", "GPE"), ("Anna Berg", "PERSON")],
        [(0, 1, "IN"), (2, 0, "WORKS_FOR")],
    ),
    (
        "Rome Bank fired Bob Fry, its founder.",
        [("Rome Bank", "ORG"), ("Rome", "GPE"), ("Bob Fry", "PERSON")],
        [(0, 1, "IN"), (2, 0, "WORKS_FOR"), (2, 0, "FOUNDED"), (0, 2, "FOUNDED")],
    ),
    (
        "Anna met Bob in Ulm.",
        [("Anna", "PERSON"), ("Bob", "PERSON"), ("Ulm", "GPE")],
        [(1, 0, "KNOWS")],
    ),
    ("Victoria was a queen.", [("Victoria", "PERSON"), ("Victoria", "GPE")], []),
    ("Nothing happened in the night.", [], []),
]
RELATION_LABELS = ["FOUNDED", "IN", "KNOWS", "WORKS_FOR"]


def make_relation_example(nlp, text, spans, relations, key="sc", predicted=True, words=None):
    """An example whose spans are given by their text.

    predicted: whether the predicted document has the spans too; a list for other ones.
    key: of the spans; None for doc.ents.
    words: (words, spaces) of the predicted document.
    """
    reference = nlp.make_doc(text)
    doc = nlp.make_doc(text) if words is None else spacy.tokens.Doc(nlp.vocab, *words)
    gold = set_spans(reference, spans, key)
    if predicted:
        set_spans(doc, spans if predicted is True else predicted, key)
    if relations is not None:
        edges = [Relation(gold[head], gold[child], label) for head, child, label in relations]
        set_relations(reference, edges)
    return Example(doc, reference)


def set_spans(doc, spans, key="sc"):
    found = []
    for text, label in spans:
        start = doc.text.index(text)
        found.append(doc.char_span(start, start + len(text), label=label))
    if key is None:
        doc.ents = found
    else:
        doc.spans[key] = found
    return found


def make_relation_examples(nlp, **settings):
    return [make_relation_example(nlp, *sample, **settings) for sample in RELATED]


def make_relation_nlp(architecture="SpanPairs", encoder=None, upstream=None, **settings):
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
    settings = {"symmetric": ["KNOWS"], **settings}
    nlp.add_pipe("relation_pointer", config={**settings, "model": model})
    return nlp


def train_relations(nlp, examples, steps=60, learn_rate=0.01):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    losses = {}
    for _ in range(steps):
        losses.clear()
        nlp.update(examples, sgd=optimizer, losses=losses)
    return losses


def related(doc):
    """{(head text, child text, label)} of a predicted document."""
    return {(r.head.text, r.child.text, r.label) for r in get_relations(doc)}


def gold_of(spans, relations):
    return {(spans[head][0], spans[child][0], label) for head, child, label in relations}
