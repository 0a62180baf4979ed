"""Processes, and actors of Ray, as those who annotate; and the recipes of docs/scale.md."""

import json
import os
import re
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest
from pages import ROOT
from samples import SENTENCES, make_examples, make_nlp, train

from spacy_globalpointer import Annotator
from spacy_globalpointer.commands.annotate.cluster import run_on_ray
from spacy_globalpointer.commands.annotate.engines import choose_engine, run_here, run_in_processes


class Square:
    """Work that takes no model; numbers below 0 kill their process, once if a file says so."""

    def __init__(self, folder):
        self.annotator, self.folder = self, Path(folder)

    def load(self):
        pass

    def __call__(self, number, value):
        if value == "wrong":
            raise ValueError("a shard must be right, was: wrong")
        if value == "die" or (value == "die once" and not (self.folder / "died").exists()):
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number, os.getpid()


def test_engines_of_this_machine():
    assert choose_engine(1) is run_here
    assert choose_engine(-1).keywords == {"n_process": os.cpu_count()} or os.cpu_count() == 1
    with pytest.raises(ValueError, match=r"n_process must be -1 .* was: 0"):
        choose_engine(0)


def collect(results, done):
    for result in results:
        done.append(result)


def test_processes_work_in_order_and_their_end_is_an_error(tmp_path):
    tasks = iter([*((number, 0) for number in range(20)), (20, "die"), (21, 0)])
    done = []
    with pytest.raises(ChildProcessError, match="a worker process has ended before its work"):
        collect(run_in_processes(Square(tmp_path), tasks, 2), done)
    assert [number for number, _ in done] == list(range(len(done)))
    assert 15 <= len(done) <= 20
    assert os.getpid() not in [pid for _, pid in done]


# Ray leaves files and sockets to the garbage collector.
@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray")
    # Workers do not find this module.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


on_ray = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@on_ray
def test_ray_does_everything_once_though_a_worker_is_killed(ray, tmp_path):
    tasks = [
        *((number, 0) for number in range(6)),
        (6, "die once"),
        *((n, 0) for n in range(7, 20)),
    ]
    results = dict(run_on_ray(Square(tmp_path), iter(tasks), 2, 0, None))
    assert sorted(results) == list(range(20))
    assert (tmp_path / "died").exists()
    assert len(set(results.values())) == 3  # two workers, and the one that took a place
    end = time.monotonic() + 120
    while any(Path(f"/proc/{pid}/exe").exists() for pid in results.values()):
        assert time.monotonic() < end, "workers outlive the run"
        time.sleep(0.05)


@on_ray
def test_what_is_wrong_on_ray_is_told(ray, tmp_path):
    with pytest.raises(ValueError, match="a shard must be right, was: wrong"):
        list(run_on_ray(Square(tmp_path), iter([(1, 0), (2, "wrong")]), 1, 0, None))
    with pytest.raises(ValueError, match=r"--num-gpus must be in the cluster, was: 1 of 0"):
        list(run_on_ray(Square(tmp_path), iter([(1, 0)]), 1, 1, None))


def test_without_ray_it_is_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r'pip install "spacy-globalpointer\[ray\]"'):
        list(run_on_ray(Square(tmp_path), iter([]), 1, 0, None))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the recipes have: a model, and texts."""
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=60)
    (tmp_path / "training").mkdir()
    nlp.to_disk(tmp_path / "training" / "model-best")
    rows = [{"id": number, "text": text} for number, (text, _) in enumerate(SENTENCES)]
    (tmp_path / "texts").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "texts" / "news.jsonl").write_text(lines)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_recipe(heading):
    """The code of a section of the page."""
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", page.split(f"## {heading}\n")[1], flags=re.MULTILINE)[0]
    lines = re.findall(r"^(?:    .*|)\n", section, flags=re.MULTILINE)
    return textwrap.dedent("".join(lines))


def covered(rows):
    return [
        {(row["text"][x["start"] : x["end"]], x["label"]) for x in row["spans"]} for row in rows
    ]


GOLD = [set(spans) for _, spans in SENTENCES]


def test_the_recipe_for_python(folder):
    scope = {}
    exec(read_recipe("From Python"), scope)
    assert scope["records"][0]["tokens"] == ["Anna", "Berg", "was", "born", "in", "Ulm", "."]


def test_the_recipe_for_datasets(folder):
    pytest.importorskip("datasets")
    scope = {"Annotator": Annotator}
    exec(read_recipe("Hugging Face datasets"), scope)
    assert scope["rows"].column_names == ["id", "text", "tokens", "spans"]
    assert covered(scope["rows"]) == GOLD


@on_ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_recipe_for_ray_data(ray, folder):
    recipe = read_recipe("Ray Data").replace('"training/', f'"{folder}/training/')
    recipe = recipe.replace('"texts/', f'"{folder}/texts/').replace('"spans"', f'"{folder}/spans"')
    exec(recipe.replace("concurrency=2", "concurrency=1"), {"Annotator": Annotator})
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = sorted(parquet.read_table(folder / "spans").to_pylist(), key=lambda row: row["id"])
    assert covered(rows) == GOLD
