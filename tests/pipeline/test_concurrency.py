"""Threads and processes that share a pipeline with all components."""

import multiprocessing
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest
import spacy
import torch
from frozen.make import describe
from sharing import KINDS, TEXTS, annotate_for_all, assert_same_found, learn, make_shared_nlp
from thinc.api import Adam

from spacy_globalpointer import Annotator
from spacy_globalpointer.pipeline import threads

FROZEN = Path(__file__).parents[1] / "frozen" / "0.1.0" / "pipeline"
NAMES = ["Anna", "Bob", "Rome", "Ulm", "Victoria"]
KINDS_BUT_SLOW = [KINDS[0], pytest.param(KINDS[1], marks=pytest.mark.nightly)]


@pytest.fixture(scope="module")
def folders(request, tmp_path_factory):
    """A pipeline with each kind of shared encoder; that of the transformer is trained on demand."""
    made = {"tok2vec": FROZEN}

    def get(kind):
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            learn(make_shared_nlp(kind, request), kind).to_disk(made[kind])
        return made[kind]

    return get


@pytest.fixture
def three_threads(monkeypatch):
    """Of torch, and no thread of the head yet; switching between threads often."""
    monkeypatch.setattr(threads, "_head_threads", None)
    number, interval = torch.get_num_threads(), sys.getswitchinterval()
    torch.set_num_threads(3)
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
    torch.set_num_threads(number)


def make_texts(seed, n=4):
    """The sentences of the training, and some whose words are new to the pipeline."""
    draw = random.Random(seed)
    new = [
        f"{draw.choice(NAMES)} met word{draw.randrange(10**9)} in {draw.choice(NAMES)}."
        for _ in range(n)
    ]
    return draw.sample([*TEXTS, *new], n + len(TEXTS))


def keep_from_learning(nlp):
    """As `usage.md` has it for threads: no prediction switches the dropout of PyTorch on again."""
    for node in nlp.get_pipe(nlp.pipe_names[0]).model.walk():
        for shim in node.shims:
            shim._model.eval()
            shim._model.train = lambda mode=True, network=shim._model: network
    return nlp


def find(nlp, texts, **options):
    return [describe(doc) for doc in nlp.pipe(texts, batch_size=4, **options)]


@pytest.mark.parametrize("kind", KINDS_BUT_SLOW)
def test_threads_share_a_pipeline_while_others_start(kind, folders, three_threads):
    nlp = keep_from_learning(spacy.load(folders(kind)))
    texts = [make_texts(seed) for seed in range(8)]
    expected = [find(nlp, own) for own in texts]
    assert all(any(row[what] for rows in expected for row in rows) for what in expected[0][0])

    def predict(seed):
        others = []
        for place in (seed, (seed + 1) % len(texts)):
            new = Thread(target=lambda n=place: others.append(find(nlp, texts[n]) == expected[n]))
            new.start()
            assert find(nlp, texts[place]) == expected[place]
            new.join()
        return others, torch.get_num_threads()

    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(predict, range(8)):
            assert result == ([True, True], 3)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("kind", KINDS_BUT_SLOW)
def test_one_thread_trains_while_others_predict_with_a_copy(kind, folders, three_threads):
    nlp = spacy.load(folders(kind))
    copy = keep_from_learning(spacy.load(folders(kind)).from_bytes(nlp.to_bytes()))
    texts, enough, errors = make_texts(0), Event(), []
    expected = find(copy, texts)

    def train():
        try:
            optimizer = Adam(0.01)
            while not enough.is_set():
                nlp.update(annotate_for_all(nlp), sgd=optimizer)
        except Exception as error:
            errors.append(error)

    trainer = Thread(target=train)
    trainer.start()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: find(copy, texts), range(12)))
    enough.set()
    trainer.join()
    assert errors == []
    assert all(result == expected for result in results)
    assert find(nlp, texts) != expected  # it has learned
    assert torch.get_num_threads() == 3


def test_what_is_left_when_the_main_thread_has_ended_goes_on(three_threads):
    """Python then stops all executors, though threads of a server may have work."""
    nlp, texts = spacy.load(FROZEN), make_texts(0)
    expected = find(nlp, texts)
    threads._head_threads.shutdown()
    assert_same_found(find(nlp, texts), expected)  # with several threads, sums have another order


def test_a_pipeline_is_loaded_when_no_thread_can_start(three_threads, monkeypatch):
    def refuse(*args):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(threads.ThreadPoolExecutor, "submit", refuse)
    assert find(spacy.load(FROZEN), ["Anna met Bob in Ulm."])[0]["events"]


def test_a_memory_zone_changes_nothing_and_keeps_nothing():
    nlp, texts = spacy.load(FROZEN), make_texts(0)
    expected = find(nlp, texts)
    nlp = spacy.load(FROZEN)
    for _ in range(3):
        with nlp.memory_zone():
            assert find(nlp, texts) == expected
        new = {word for text in texts for word in text.split() if word.startswith("word")}
        assert not any(word in nlp.vocab.strings for word in new)
    labels = {label for _, pipe in nlp.pipeline for label in getattr(pipe, "labels", ())}
    assert all(label in nlp.vocab.strings for label in labels)
    assert find(nlp, texts) == expected


def test_a_pipeline_that_was_loaded_in_a_memory_zone_can_be_used_after_it():
    nlp = spacy.load(FROZEN)
    with nlp.memory_zone():
        nlp.from_disk(FROZEN)
    assert find(nlp, make_texts(0)) == find(spacy.load(FROZEN), make_texts(0))


def test_threads_share_an_annotator(three_threads):
    """The end of a memory zone would take the words of other threads away."""
    annotator = Annotator(FROZEN)
    expected = [annotator(make_texts(seed)) for seed in range(8)]
    annotator._nlp = None  # nor do they load it twice
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda seed: annotator(make_texts(seed)), range(8))) == expected


def test_an_annotator_that_fails_leaves_its_memory_zone(monkeypatch):
    annotator = Annotator(FROZEN)
    monkeypatch.setattr(annotator, "describe", lambda doc: 1 / 0)
    with pytest.raises(ZeroDivisionError) as kept:
        annotator(["Anna met Bob."])
    assert kept.value.__traceback__ is not None
    assert not annotator.nlp.vocab.in_memory_zone


WORKERS = """
import multiprocessing, sys
import spacy, torch
from pipeline.test_concurrency import find, make_texts
from sharing import assert_same_found

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    torch.set_num_threads(2)
    a = torch.randn(600, 600); (a @ a).exp().sum()
    nlp = spacy.load(sys.argv[2])
    texts = make_texts(0, 20)
    one = find(nlp, texts)
    for n_process in (1, 2, 4):
        assert_same_found(find(nlp, texts, n_process=n_process), one)
        assert torch.get_num_threads() == 2
"""


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_find_the_same(kind, method, folders, tmp_path):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("no process is forked here")
    (tmp_path / "script.py").write_text(WORKERS)
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    command = [sys.executable, "-W", "ignore", "script.py", method, str(folders(kind))]
    environment = {**os.environ, "PYTHONPATH": paths}
    subprocess.run(command, check=True, timeout=280, cwd=tmp_path, env=environment)
