"""The CRF to compare with is a fair one: it learns."""

import sys

import numpy
import pytest
import spacy
from samples import make_examples
from spacy.util import fix_random_seed, load_model_from_config
from thinc.api import Adam

from benchmarks.peers import make_pipeline, read_system
from benchmarks.text import STYLES, generate


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


def test_transitions_learn_and_are_averaged_too(nlp):
    docs = generate(STYLES["genia"], 10, seed=0)
    examples = [doc.make_example(nlp.vocab) for doc in docs]
    model = nlp.get_pipe("crf").model
    before = model.get_param("transitions").copy()
    optimizer = Adam(0.01, use_averages=True)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    after = model.get_param("transitions").copy()
    assert abs(after - before).max() > 0.01
    with nlp.use_params(optimizer.averages):
        averaged = model.get_param("transitions").copy()
    assert abs(averaged - after).max() > 1e-4


def test_loss_and_gradients_are_torchcrfs(nlp):
    doc = generate(STYLES["genia"], 1, seed=0)[0]
    example, pipe = doc.make_example(nlp.vocab), nlp.get_pipe("crf")
    shape = len(doc.words), len(pipe.tags)
    rows = [numpy.random.default_rng(0).normal(size=shape).astype("float32")]
    loss, (gradient,) = pipe.get_loss([example], rows)
    step = 1e-2
    for place in [(0, 0), (len(doc.words) - 1, 2)]:
        moved = [rows[0].copy()]
        moved[0][place] += step
        assert (pipe.get_loss([example], moved)[0] - loss) / step == pytest.approx(
            float(gradient[place]), abs=0.02
        )


def test_documents_of_all_lengths():
    nlp = load_model_from_config(read_system("crf"), auto_fill=True)
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
        "width": 8,
        "depth": 1,
        "embed_size": 10,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
        "pretrained_vectors": None,
    }
    nlp.add_pipe("bio_crf", config={"model": encoder})
    with pytest.raises(ImportError, match=r"spacy-globalpointer\[bench\]"):
        nlp.initialize(lambda: make_examples(nlp))
