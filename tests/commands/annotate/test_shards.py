"""Runs that are killed, and runs beside each other: nothing is lost, and nothing is there twice."""

import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest
import spacy
from annotating import annotate
from samples import SENTENCES, make_examples, make_nlp

from spacy_globalpointer import annotator
from spacy_globalpointer.commands.annotate.shards import MANIFEST, WHOLE, Output

NAMES = ["o.jsonl", "o.spacy"]
SMALL = {"batch_size": 8, "shard_size": 8}


@pytest.fixture(scope="module")
def nlp(model):
    return spacy.load(model)


@pytest.fixture
def inputs(tmp_path):
    """Two files, with 36 documents and a bad line each."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, n_lines in (("a.jsonl", 30), ("b.jsonl", 6)):
        lines = [json.dumps({"id": n, "text": SENTENCES[n % 5][0]}) for n in range(n_lines)]
        (folder / name).write_text("\n".join([*lines, "bad"]))
    return folder


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(number, *names):
    """Make this process kill itself before, or in the middle of, the so many-th change on disk."""
    steps = 0

    def step():
        nonlocal steps
        steps += 1
        if steps == number:
            die()

    def after_step(function):
        def wrapped(*args, **kwargs):
            step()
            return function(*args, **kwargs)

        return wrapped

    def write_bytes(path, data):
        with path.open("wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            step()
            file.write(data[len(data) // 2 :])

    for name in names or ("fsync", "replace", "link", "rename", "unlink", "rmdir"):
        setattr(os, name, after_step(getattr(os, name)))
    if not names:
        Path.write_bytes = write_bytes


def _run(nlp, prepare, args, options):
    annotator.load_model = lambda model: nlp
    prepare()
    annotate(*args, **options)


def start(nlp, *args, prepare=lambda: None, **options):
    """A run in a process of its own, which has the model already."""
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_run, args=(nlp, prepare, args, options))
    child.start()
    return child


def run_child(*args, **options):
    """Exit code of such a run."""
    child = start(*args, **options)
    child.join()
    return child.exitcode


def go_on(nlp, model, inputs, output, **options):
    """Give the same command again, which is refused if there is nothing left to do."""
    if output.exists() and output.is_file() and not Output(output).folder.exists():
        with pytest.raises(ValueError, match="must not be there yet"):
            annotate(model, [inputs], output, **options)
    else:
        assert run_child(nlp, model, [inputs], output, **options) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_any_step_loses_and_repeats_nothing(model, nlp, inputs, tmp_path, name):
    options, inputs = {"batch_size": 20, "shard_size": 20}, inputs / "a.jsonl"
    annotate(model, [inputs], tmp_path / "whole" / name, **options)
    whole = snapshot(tmp_path / "whole")
    assert len(whole) == {"o.jsonl": 2, "o.spacy": 5}[name]
    number, exit_code = 0, -signal.SIGKILL
    while exit_code:
        number += 1
        folder = tmp_path / str(number)
        run = [nlp, model, [inputs], folder / name]
        exit_code = run_child(*run, prepare=lambda n=number: kill_at(n), **options)
        assert exit_code in (0, -signal.SIGKILL)
        # Nothing has its name before it is whole.
        left = snapshot(folder) if folder.exists() else {}
        assert all(data == whole[path] for path, data in left.items() if path in whole)
        if exit_code:
            go_on(nlp, model, inputs, folder / name, **options)
        assert snapshot(folder) == whole, f"killed at step {number}"
        shutil.rmtree(folder)
    assert number > 12


@pytest.mark.parametrize("name", NAMES)
def test_runs_beside_each_other_that_are_killed_at_random_write_the_same(
    model, nlp, inputs, tmp_path, name
):
    annotate(model, [inputs], tmp_path / "whole" / name, **SMALL)
    run, moments = [nlp, model, [inputs], tmp_path / "killed" / name], random.Random(0)
    for _ in range(4):
        child = start(*run, **SMALL)
        time.sleep(moments.uniform(0.02, 0.2))
        child.kill()
        child.join()
    if (tmp_path / "killed" / name).is_file():
        shutil.rmtree(tmp_path / "killed")  # they were faster
    children = [start(*run, **SMALL) for _ in range(2)]
    for child in children:
        child.join()
    # One may come when the other has finished: then it is told so.
    assert 0 in [child.exitcode for child in children]
    assert {child.exitcode for child in children} <= {0, 1}
    assert snapshot(tmp_path / "killed") == snapshot(tmp_path / "whole")


def test_a_shard_that_comes_too_late_is_not_left_behind(model, inputs, tmp_path, monkeypatch):
    """A run has found the folder of the last shard, and another one finishes before it writes."""
    annotate(model, [inputs], tmp_path / "whole" / "o.jsonl", **SMALL)
    output, discarded, replace = tmp_path / "late" / "o.jsonl", [], os.replace

    def replace_late(partial, target):
        if Path(target).name != "00000005.jsonl":
            return replace(partial, target)
        monkeypatch.undo()
        annotate(model, [inputs], output, **SMALL)
        discarded.append(output.with_name(f".o.jsonl.shards.{uuid4().hex}.old"))
        discarded[0].mkdir()
        (discarded[0] / "00000005.jsonl").touch()

    monkeypatch.setattr(os, "replace", replace_late)
    annotate(model, [inputs], output, **SMALL)
    assert discarded
    assert snapshot(output.parent) == snapshot(tmp_path / "whole")


def kill_midway(model, nlp, inputs, output, **options):
    """A run that has written two shards."""

    def prepare():
        kill_at(3, "replace")

    assert run_child(nlp, model, inputs, output, prepare=prepare, **SMALL, **options) < 0
    left = sorted(path.name for path in Output(output).folder.glob("[!.]*"))
    assert left == ["00000001.jsonl", "00000002.jsonl"]


def test_a_run_is_not_continued_with_other_things(model, nlp, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    kill_midway(model, nlp, [inputs], output)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=r"was: other inputs. Give the same, or start anew"):
        annotate(model, [inputs / "a.jsonl"], output, shard_size=8)
    with pytest.raises(ValueError, match="was: other keys and shard size"):
        annotate(model, [inputs], output, spans_key="sc")
    other = make_nlp()
    other.initialize(lambda: make_examples(other))
    other.to_disk(tmp_path.parent / f"{tmp_path.name}_other")
    with pytest.raises(ValueError, match="was: other model"):
        annotate(str(tmp_path.parent / f"{tmp_path.name}_other"), [inputs], output, shard_size=8)
    assert {name: data for name, data in snapshot(tmp_path).items() if name in before} == before
    code = tmp_path / "code.py"
    code.write_text("")
    with pytest.raises(ValueError, match=r"was: other code\. Give the same"):
        annotate(model, [inputs], output, code=code, shard_size=8)
    content = (inputs / "a.jsonl").read_text()
    for changed in (content.replace("Ulm", "ULM"), content + "\n"):
        (inputs / "a.jsonl").write_text(changed)
        with pytest.raises(ValueError, match="was: other inputs"):
            annotate(model, [inputs], output, shard_size=8)


def test_an_input_that_changes_while_it_is_read_is_an_error(model, inputs, tmp_path, monkeypatch):
    """As one that another program still writes: the output would be of no version of it."""
    publish = Output.publish

    def cut(self, *args):
        (inputs / "a.jsonl").write_text('{"text": "Rome"}')
        return publish(self, *args)

    monkeypatch.setattr(Output, "publish", cut)
    message = r"must stay as it is while it is read, was: .*a.jsonl, which has changed. Start anew"
    with pytest.raises(ValueError, match=message):
        annotate(model, [inputs], tmp_path / "o.jsonl", **SMALL)
    assert not (tmp_path / "o.jsonl").exists()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="was: other inputs"):
        annotate(model, [inputs], tmp_path / "o.jsonl", **SMALL)


def test_another_batch_size_continues_a_run(model, nlp, inputs, tmp_path):
    """What a user does who has run out of memory."""
    output = tmp_path / "o.jsonl"
    kill_midway(model, nlp, [inputs], output)
    totals = annotate(model, [inputs], output, batch_size=3, shard_size=8)
    assert (totals.n_shards, totals.n_known, totals.n_rejected) == (5, 2, 2)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["id"] for row in rows] == [*range(30), *range(6)]


def test_overwrite_starts_anew(model, nlp, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    kill_midway(model, nlp, [inputs], output)
    totals = annotate(model, [inputs / "b.jsonl"], output, overwrite=True)
    assert (totals.n_docs, totals.n_known, len(output.read_text().splitlines())) == (6, 0, 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "o.jsonl", "o.rejected.jsonl"]


def test_an_output_that_is_there_is_kept_until_the_new_one_is_whole(model, nlp, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    annotate(model, [inputs], output)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=r"must not be there yet, was: .*o.jsonl, .*o.rejected"):
        annotate(model, [inputs], output)
    (inputs / "c.txt").write_text("\n".join(SENTENCES[n % 5][0] for n in range(40)))
    kill_midway(model, nlp, [inputs / "c.txt", inputs], output, overwrite=True)
    assert snapshot(tmp_path).items() > before.items()
    annotate(model, [inputs / "c.txt", inputs], output, **SMALL)
    assert len(output.read_text().splitlines()) == 76


def test_a_folder_of_shards_is_replaced_and_no_other(model, inputs, tmp_path):
    output = tmp_path / "o.spacy"
    annotate(model, [inputs], output, shard_size=10)
    again = annotate(model, [inputs], output, shard_size=10)
    assert (again.n_docs, again.n_known, again.n_shards, again.n_rejected) == (0, 5, 5, 2)
    annotate(model, [inputs / "b.jsonl"], output, overwrite=True)
    names = sorted(path.name for path in output.iterdir())
    assert names == [MANIFEST, "00000001.rejected", "00000001.spacy", WHOLE]
    (output / "train.spacy").write_text("mine")
    (tmp_path / "o.jsonl").mkdir()
    others = tmp_path / "others"
    others.mkdir()
    (others / "a.txt").write_text("mine")
    for target in (output, tmp_path / "o.jsonl", others):
        for overwrite in (True, *([False] if target != output else [])):
            with pytest.raises(ValueError, match=r"must not be there yet, was: .*Name another"):
                annotate(model, [inputs / "a.jsonl"], target, overwrite=overwrite)
    assert (output / "train.spacy").read_text() == "mine"
    assert snapshot(others) == {"a.txt": b"mine"}


def test_a_link_to_a_folder_of_shards_stays_one(model, inputs, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "o").symlink_to(tmp_path / "disk" / "o")
    annotate(model, [inputs], tmp_path / "o", shard_size=10)
    annotate(model, [inputs / "b.jsonl"], tmp_path / "o", overwrite=True)
    assert (tmp_path / "o").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["o"]
    names = sorted(path.name for path in (tmp_path / "disk" / "o").iterdir())
    assert names == [MANIFEST, "00000001.jsonl", "00000001.rejected", WHOLE]


def test_what_killed_runs_leave_is_that_of_this_output(model, inputs, tmp_path):
    own, *others = (f".[a].{uuid4().hex}.old", f".a.{uuid4().hex}.old", ".[a].b.old")
    for name in (own, *others):
        (tmp_path / name).mkdir()
    annotate(model, [inputs], tmp_path / "[a]")
    assert {path.name for path in tmp_path.iterdir()} == {*others, "[a]", "in"}


@pytest.mark.parametrize("content", ["", "[]", "{", "\x80"])
def test_a_damaged_manifest_is_no_run_to_go_on_with(model, inputs, tmp_path, content):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / MANIFEST).write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"was: other inputs and model .* with --overwrite"):
        annotate(model, [inputs], tmp_path / "o")
    assert annotate(model, [inputs], tmp_path / "o", overwrite=True).n_docs == 36


def test_another_run_on_the_same_output_does_not_spoil_the_first(model, nlp, inputs, tmp_path):
    """Not even one that overwrites: the first finds its folder taken."""
    output = Output(tmp_path / "o")
    output.begin({"inputs": 1}, can_go_on=True, overwrite=False)
    output.publish(1, b"1", b"bad")
    annotate(model, [inputs], tmp_path / "o", overwrite=True)
    before = snapshot(tmp_path / "o")
    with pytest.raises(ValueError, match="was taken by another run"):
        output.publish(2, b"2", b"")
    assert snapshot(tmp_path / "o") == before


def test_a_file_system_without_links(model, inputs, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", fail)
    for n_known in (0, 5):
        totals = annotate(model, [inputs], tmp_path / "o", shard_size=8)
        assert (totals.n_shards, totals.n_known) == (5, n_known)
    with pytest.raises(ValueError, match="was: other shard size"):
        annotate(model, [inputs], tmp_path / "o")


def test_a_run_that_another_overtakes_ends_well(model, nlp, inputs, tmp_path, monkeypatch):
    output, publish = tmp_path / "o.jsonl", Output.publish

    def overtaken(self, *args):
        with monkeypatch.context() as context:
            context.setattr(Output, "publish", publish)
            annotate(model, [inputs], output, **SMALL)
        return publish(self, *args)

    annotate(model, [inputs], tmp_path / "whole" / "o.jsonl", **SMALL)
    monkeypatch.setattr(Output, "publish", overtaken)
    annotate(model, [inputs], output, **SMALL)
    assert output.read_bytes() == (tmp_path / "whole" / "o.jsonl").read_bytes()
    assert (tmp_path / "o.rejected.jsonl").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("in", "o.jsonl", "o.rejected.jsonl", "whole")
    ]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("o.jsonl", {"to": "csv"}, "--to must be one of jsonl, spacy.*was: 'csv'"),
        (
            "o.jsonl",
            {"to": "spacy"},
            "--to spacy must be a folder, without a suffix, or end in .sp",
        ),
        ("-", {"to": "spacy"}, "--to spacy must .*was: -"),
        ("o", {"uncertain": 3}, "--to jsonl --uncertain must end in .jsonl, was: .*o. To fix"),
        ("o.spacy", {"uncertain": 3, "to": "spacy"}, "--to spacy --uncertain must "),
    ],
)
def test_forms_that_do_not_fit_the_output(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        Output(Path(name) if name == "-" else tmp_path / name, **options)
