"""Many runs, stopped and continued."""

import json

import pytest
import spacy
from spacy.tokens import DocBin
from sweeps import stay_here

from benchmarks import peers, sweep
from benchmarks.sweep import find_left, read_sweep, run_sweep
from benchmarks.text import STYLES, generate

GROUP = {"corpora": ["tiny:en"], "systems": ["global_pointer", "ner"], "seeds": [0], "passes": 1}


@pytest.fixture
def data(tmp_path):
    vocab = spacy.blank("en").vocab
    docs = [doc.make_example(vocab).reference for doc in generate(STYLES["genia"], 8, seed=0)]
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    for split in ("train", "dev"):
        DocBin(docs=docs).to_disk(folder / f"{split}.spacy")
    return folder.parent


def write(path, *groups):
    path.write_text(json.dumps(groups), encoding="utf8")
    return path


def test_what_has_a_result_is_not_run_again(data, tmp_path, monkeypatch):
    stay_here(monkeypatch)
    path, lines = write(tmp_path / "sweep.json", GROUP), []
    run_sweep(tmp_path, data, workers=1, log=lines.append)
    assert lines[0] == "2 runs: 0 done, 2 left"
    assert lines[1].endswith("begins")
    assert "0 left" in lines[-1]
    files = sorted(tmp_path.glob("tiny-*.json"))
    assert [json.loads(file.read_text())["settings"]["system"] for file in files] == [
        "global_pointer",
        "ner",
    ]
    files[1].unlink()
    assert [run.system for run in find_left(read_sweep(path), tmp_path)] == ["ner"]
    run_sweep(tmp_path, data, corpus="tiny", workers=1, log=lines.append)
    assert "2 runs: 1 done, 1 left" in lines
    assert sorted(tmp_path.glob("tiny-*.json")) == files
    run_sweep(tmp_path, data, corpus="other", log=lines.append)
    assert lines[-1] == "0 runs: 0 done, 0 left"


def test_a_run_that_fails_does_not_stop_the_others_and_is_named(data, tmp_path, monkeypatch):
    """The one that fails in a process of its own, from which its error has to come here."""
    apart = sweep._run_apart
    monkeypatch.setattr(
        sweep, "_run_apart", lambda run, *rest: (apart if run.overrides else sweep._run)(run, *rest)
    )
    broken = {**GROUP, "systems": ["ner"], "overrides": {"training.dropout": "much"}}
    write(tmp_path / "sweep.json", broken, {**GROUP, "systems": ["ner"]})
    with pytest.raises(ValueError, match="1 runs failed: tiny-ner-0"):
        run_sweep(tmp_path, data, workers=1, log=lambda line: None)
    assert len(list(tmp_path.glob("tiny-ner-0-*.json"))) == 1


def test_another_config_is_another_run(tmp_path, monkeypatch):
    (run,) = read_sweep(write(tmp_path / "sweep.json", {**GROUP, "systems": ["ner"]}))
    name = run.name()
    monkeypatch.setitem(peers.SYSTEMS, "ner", "spancat")
    assert run.name() != name


def test_runs_have_names_of_their_own(tmp_path):
    groups = [
        {**GROUP, "seeds": [0, 1]},
        {
            **GROUP,
            "systems": ["global_pointer"],
            "overrides": {"components.global_pointer.lr_scale": 2.0},
        },
    ]
    runs = read_sweep(write(tmp_path / "sweep.json", *groups, {**GROUP, "limit": 4}))
    assert len({run.name() for run in runs}) == len(runs) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"systems": ["best"]}, "systems must be among"),
        ({"epochs": 3}, "a group must have keys of"),
        ({"corpora": ["tiny"]}, "a corpus must be named with its language"),
    ],
)
def test_a_sweep_that_means_nothing_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read_sweep(write(tmp_path / "sweep.json", {**GROUP, **change}))


def test_a_corpus_without_files_is_refused_before_anything_runs(data, tmp_path):
    write(tmp_path / "sweep.json", GROUP, {**GROUP, "corpora": ["none:en"]})
    with pytest.raises(ValueError, match=r"a corpus must be a folder with train\.spacy"):
        run_sweep(tmp_path, data)
    assert not list(tmp_path.glob("tiny-*"))
