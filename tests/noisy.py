"""Annotated documents that partly contradict each other, and a pipeline that is often wrong."""

import random

from samples import make_nlp
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import fix_random_seed

NAMES = {"PERSON": "anna berta carl dora", "ORG": "bank club firm union", "GPE": "rome ulm oslo"}
FILLING = "the of a went saw and to in met old new near".split()


def make_noisy(nlp, documents, seed):
    """Examples with names whose length, label and presence in gold are partly left to chance."""
    chance = random.Random(seed)
    for _ in range(documents):
        words, spans = [], []
        for _ in range(chance.randint(1, 4)):
            words += chance.choices(FILLING, k=chance.randint(1, 3))
            label = chance.choices(list(NAMES), [6, 3, 1])[0]
            start = len(words)
            words += chance.choices(NAMES[label].split(), k=chance.randint(1, 3))
            if chance.random() < 0.85:
                label = label if chance.random() < 0.85 else chance.choice(list(NAMES))
                spans.append((start, len(words), label))
            if chance.random() < 0.2:
                spans.append((start, start + 1, "FIRST"))
        reference = Doc(nlp.vocab, words=words)
        reference.spans["sc"] = [Span(reference, s, e, label=label) for s, e, label in spans]
        yield Example(Doc(nlp.vocab, words=words), reference)


def make_joined(nlp, documents, seed):
    """Annotated documents of which every third has its last two words in one token."""
    for i, example in enumerate(make_noisy(nlp, documents, seed)):
        words = [token.text for token in example.reference]
        spans = [(s.start, s.end, s.label_) for s in example.reference.spans["sc"]]
        if i % 3 == 0:
            words = [*words[:-2], " ".join(words[-2:])]
            spans = [(s, min(e, len(words)), label) for s, e, label in spans if s < len(words)]
        doc = Doc(nlp.vocab, words=words, spaces=[True] * len(words))
        doc.spans["sc"] = [Span(doc, s, e, label=label) for s, e, label in spans]
        yield doc


def save(docs, path):
    DocBin(docs=docs).to_disk(path)
    return path


def make_noisy_folder(folder, **settings):
    """A pipeline that is often wrong, "model", and documents that it has not seen, "dev.spacy"."""
    fix_random_seed(0)
    nlp = make_nlp(**settings)
    examples = list(make_noisy(nlp, 60, seed=0))
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(25):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder / "model")
    save([example.reference for example in make_noisy(nlp, 150, seed=1)], folder / "dev.spacy")
    return folder
