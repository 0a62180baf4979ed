"""Threads of torch, which belong to the whole process, and processes that are forked from it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from samples import SENTENCES, make_examples, make_nlp, train

from spacy_globalpointer.pipeline import prediction, threads

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here")


@pytest.fixture
def three_threads(monkeypatch):
    """Of torch, and no thread of the head yet."""
    monkeypatch.setattr(threads, "_head_threads", None)
    number = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(number)


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


def test_threads_that_learn_leave_the_number_of_torch_threads_as_it_was(three_threads):
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


def test_the_number_is_never_set_while_texts_are_predicted_or_learned(three_threads, monkeypatch):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=1)
    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    list(nlp.pipe([text for text, _ in SENTENCES]))
    nlp.update(make_examples(nlp))
    nlp.evaluate(make_examples(nlp))
    assert seen == []


def test_the_head_takes_one_thread(three_threads, monkeypatch):
    """On a busy machine an operation on several threads waits longer than all of it takes."""
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    pipe, seen = nlp.get_pipe("global_pointer"), []
    loss, decode = pipe.loss, prediction.decode

    def watch(function):
        return lambda *args, **kw: seen.append(torch.get_num_threads()) or function(*args, **kw)

    pipe.loss = watch(loss)
    monkeypatch.setattr(prediction, "decode", watch(decode))
    nlp.update(make_examples(nlp))
    nlp("Rome closed.")
    assert seen == [1, 1]
    pipe.loss = lambda *args: 1 / 0
    with pytest.raises(ZeroDivisionError):
        nlp.update(make_examples(nlp))
    assert torch.get_num_threads() == 3


def test_a_new_thread_has_the_number_of_the_process(three_threads):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=1)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 3


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
