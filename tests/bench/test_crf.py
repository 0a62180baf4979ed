"""The CRF to compare with is a fair one: it learns."""

import sys

import pytest
import spacy
from samples import make_examples
from spacy.util import fix_random_seed

from spacy_globalpointer.bench.peers import make_pipeline
from spacy_globalpointer.bench.text import STYLES, generate


def train(nlp, examples, steps):
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)


@pytest.fixture
def nlp():
    fix_random_seed(0)
    docs = generate(STYLES["genia"], 10, seed=0)
    return make_pipeline("crf", docs, 0)


def test_it_learns_its_training_data(nlp):
    docs = generate(STYLES["genia"], 10, seed=0)
    examples = [doc.make_example(nlp.vocab) for doc in docs]
    train(nlp, examples, 40)
    assert nlp.evaluate(examples)["ents_f"] > 0.95


def test_transitions_learn_too(nlp):
    docs = generate(STYLES["genia"], 10, seed=0)
    examples = [doc.make_example(nlp.vocab) for doc in docs]
    pipe = nlp.get_pipe("crf")
    train(nlp, examples, 1)
    before = pipe.crf.transitions.detach().clone()
    nlp.update(examples, sgd=nlp.create_optimizer())
    assert (pipe.crf.transitions - before).abs().max() > 1e-5


def test_documents_of_all_lengths(nlp):
    examples = make_examples(nlp)
    train(nlp, examples, 2)
    empty = nlp.make_doc("")
    docs = list(nlp.pipe([empty, *(example.predicted for example in examples)]))
    assert all(doc.has_annotation("ENT_IOB") for doc in docs[1:])
    assert nlp.get_pipe("crf").predict([empty]) == [[]]


def test_without_the_package_the_error_names_the_repair(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcrf", None)
    nlp = spacy.blank("en")
    encoder = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        **{"width": 8, "depth": 1, "embed_size": 10, "window_size": 1, "maxout_pieces": 2},
        **{"subword_features": False, "pretrained_vectors": None},
    }
    nlp.add_pipe("bio_crf", config={"model": encoder})
    with pytest.raises(ImportError, match=r"spacy-globalpointer\[bench\]"):
        nlp.initialize(lambda: make_examples(nlp))
