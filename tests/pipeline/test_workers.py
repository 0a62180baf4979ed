"""Threads of torch, which belong to the whole process, and processes that are forked from it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from samples import SENTENCES, make_examples, make_nlp, train

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")


@pytest.fixture
def three_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


def run(script):
    """Run a script that has `make_nlp` and so on, as a process of its own."""
    paths = [path for path in sys.path if path.endswith("tests")]
    start = f"import sys\nsys.path[:0] = {paths!r}\nfrom samples import *\nimport os, torch\n"
    subprocess.run([sys.executable, "-c", start + script], check=True, timeout=120)


def test_threads_that_predict_leave_the_number_of_torch_threads_as_it_was(three_threads):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=2)
    texts = [text for text, _ in SENTENCES] * 5

    def predict(_):
        before = torch.get_num_threads()
        docs = [nlp(text) for text in texts]
        return before, torch.get_num_threads(), len(docs)

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(predict, range(8))) == {(3, 3, len(texts))}
    assert torch.get_num_threads() == 3


def test_prediction_never_sets_the_number_of_torch_threads(three_threads, monkeypatch):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=1)
    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    list(nlp.pipe([text for text, _ in SENTENCES]))
    nlp.evaluate(make_examples(nlp))
    assert seen == []


def test_threads_that_learn_give_the_number_of_torch_threads_back(three_threads):
    """One at a time, so that none takes the one thread of another for the number of before."""
    pipelines = [make_nlp() for _ in range(4)]
    for nlp in pipelines:
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))

    def learn(nlp):
        for _ in range(10):
            nlp.update(make_examples(nlp))
        return torch.get_num_threads()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(learn, pipelines)) == {3}
    assert torch.get_num_threads() == 3


def test_the_loss_takes_one_thread(three_threads):
    """On a busy machine an operation on several threads waits longer than all of the loss takes."""
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    pipe, seen = nlp.get_pipe("global_pointer"), []
    loss = pipe.loss
    pipe.loss = lambda *args: seen.append(torch.get_num_threads()) or loss(*args)
    nlp.update(make_examples(nlp))
    assert seen == [1]
    pipe.loss = lambda *args: 1 / 0
    with pytest.raises(ZeroDivisionError):
        nlp.update(make_examples(nlp))
    assert torch.get_num_threads() == 3


@forks
def test_workers_of_spacy_do_not_hang():
    """A forked process hangs in torch when the parent has run it on several threads."""
    run(
        "torch.set_num_threads(4)\n"
        "a = torch.randn(600, 600); (a @ a).exp().sum()\n"
        "nlp = make_nlp()\n"
        "train(nlp, make_examples(nlp), steps=20)\n"
        "texts = [text * 20 for text, _ in SENTENCES] * 8\n"
        "one = [found(doc) for doc in nlp.pipe(texts)]\n"
        "two = [found(doc) for doc in nlp.pipe(texts, n_process=2, batch_size=8)]\n"
        "assert one == two and any(one)\n"
        "assert torch.get_num_threads() == 4\n"
    )


@forks
def test_workers_of_spacy_have_one_thread_from_the_start():
    """Before any component runs: a transformer comes first."""
    run(
        "from spacy.language import Language\n"
        "from spacy.tokens import Doc\n"
        "Doc.set_extension('threads', default=None)\n"
        "@Language.component('count')\n"
        "def count(doc):\n"
        "    doc._.threads = torch.get_num_threads()\n"
        "    return doc\n"
        "nlp = make_nlp()\n"
        "nlp.add_pipe('count', first=True)\n"
        "nlp.initialize(lambda: make_examples(nlp))\n"
        "torch.set_num_threads(3)\n"
        "docs = nlp.pipe(['Rome', 'Ulm'], n_process=2, batch_size=1)\n"
        "assert {doc._.threads for doc in docs} == {1}\n"
    )


@forks
def test_other_forked_processes_keep_their_threads():
    """gunicorn with --preload, a DataLoader: they have not asked us."""
    run(
        "import multiprocessing\n"
        "make_nlp()\n"
        "torch.set_num_threads(3)\n"
        "context = multiprocessing.get_context('fork')\n"
        "with context.Pool(1) as pool:\n"
        "    assert pool.apply(torch.get_num_threads) == 3\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    os._exit(torch.get_num_threads())\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3\n"
    )
