"""Documents whose relations partly contradict each other, and pipelines that are often wrong."""

import random

from noisy import make_noisy, save
from samples import OWN, make_nlp
from spacy.util import fix_random_seed

from spacy_globalpointer import Relation, set_relations


def make_noisy_relations(nlp, documents, seed):
    """Examples of `make_noisy`, with sentences and relations that are partly left to chance.

    KNOWS joins neighbours without direction; IN leads from a name to a place or a firm, mostly the
    next one; FIRST_OF from a span to one that it contains.
    """
    chance = random.Random(seed)
    for example in make_noisy(nlp, documents, seed):
        doc = example.reference
        for token in doc:
            token.is_sent_start = token.i == 0 or token.text == "the"
        spans = sorted(doc.spans["sc"])
        relations = []
        for place, head in enumerate(spans):
            for child in spans[place + 1 :]:
                if child.label_ == "FIRST" and child.end <= head.end:
                    relations.append(Relation(head, child, "FIRST_OF"))
                elif head.label_ == child.label_ and chance.random() < 0.7:
                    relations.append(Relation(child, head, "KNOWS"))
                elif head.label_ != child.label_ and chance.random() < 0.7:
                    label = "IN" if chance.random() < 0.8 else "NEAR"
                    ends = (head, child) if chance.random() < 0.8 else (child, head)
                    relations.append(Relation(*ends, label))
        set_relations(doc, relations)
        yield example


def make_related_nlp(spans="sc", **settings):
    """A pipeline that finds spans and relations."""
    nlp = make_nlp()
    model = {
        "@architectures": "spacy_globalpointer.SpanPairs.v1",
        "tok2vec": OWN,
        "head_size": 8,
        "hidden_size": 16,
    }
    config = {"symmetric": ["KNOWS"], "spans": spans, "model": model, **settings}
    nlp.add_pipe("relation_pointer", config=config)
    nlp.config["training"]["annotating_components"] = ["global_pointer"]
    return nlp


def make_related_folder(folder, **settings):
    """A pipeline that is often wrong, "model", and documents that it has not seen, "dev.spacy"."""
    fix_random_seed(0)
    nlp = make_related_nlp(**settings)
    examples = list(make_noisy_relations(nlp, 60, seed=0))
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(25):
        nlp.update(examples, sgd=optimizer, annotates=["global_pointer"])
    nlp.to_disk(folder / "model")
    dev = [example.reference for example in make_noisy_relations(nlp, 150, seed=1)]
    save(dev, folder / "dev.spacy")
    return folder
