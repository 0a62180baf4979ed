import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from samples import SENTENCES
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

from spacy_globalpointer.commands.annotate.shards import Output
from spacy_globalpointer.commands.convert import convert

ROOT = Path(__file__).parents[3]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"id": number, "text": text} for number, (text, _) in enumerate(SENTENCES)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments, **options):
    """Exit code, standard output and standard error with its white space made even."""
    result = CliRunner().invoke(
        spacy_app, ["global-pointer", "annotate", *map(str, arguments)], **options
    )
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def texts_and_labels(rows):
    """What the spans of rows of JSON lines cover."""
    return [
        {(row["text"][span["start"] : span["end"]], span["label"]) for span in row["spans"]}
        for row in rows
    ]


GOLD = [set(spans) for _, spans in SENTENCES]


def test_a_corpus_is_annotated(model, corpus, tmp_path):
    code, stdout, stderr = run(model, corpus, tmp_path / "new" / "out.jsonl")
    assert (code, stdout) == (0, "")
    rows = read(tmp_path / "new" / "out.jsonl")
    assert [row["id"] for row in rows] == [0, 1, 2, 3, 4]
    assert texts_and_labels(rows) == GOLD
    assert all(0.5 <= span["score"] <= 1 for row in rows for span in row["spans"])
    assert "Annotated 5 documents with 36 words" in stderr
    assert f"100%|██████████| {corpus.stat().st_size}/{corpus.stat().st_size}B" in stderr
    assert "ETA 00:00, 5 docs, " in stderr
    assert "words/s]" in stderr


def test_what_is_written_converts_to_the_same_spans(model, corpus, tmp_path):
    assert run(model, corpus, tmp_path / "out.jsonl")[0] == 0
    report = convert([tmp_path / "out.jsonl"], tmp_path / "out.spacy")
    assert report.n_docs == 5
    assert report.count("kept") == sum(map(len, GOLD))
    assert report.count("kept") == sum(report.outcomes.values())


def test_bad_lines_are_shown_and_set_aside(model, corpus, tmp_path):
    with corpus.open("ab") as file:
        file.write(b"bad\n" * 20 + b'\xff\n{"text": null}\n{"text": "Rome"}\n')
    code, _, stderr = run(model, corpus, tmp_path / "out.jsonl")
    assert code == 0
    assert "in.jsonl line 6: every line must be valid JSON, was: bad" in stderr
    assert stderr.count("every line must be valid JSON") == 10
    assert "More bad lines are only counted" in stderr
    assert "22 bad lines were left out and set aside in" in stderr
    rejected = read(tmp_path / "out.rejected.jsonl")
    assert [row["line"] for row in rejected] == list(range(6, 28))
    assert rejected[20]["content"] == "\\xff"
    assert len(read(tmp_path / "out.jsonl")) == 6


def test_strict_is_an_error(model, corpus, tmp_path):
    with corpus.open("a") as file:
        file.write("bad\n")
    code, _, stderr = run(model, corpus, tmp_path / "out.jsonl", "--strict")
    assert code == 1
    assert "in.jsonl line 6: every line must be valid JSON, was: bad" in stderr
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("text", ["bad\n", ""])
def test_nothing_good_is_an_error(model, tmp_path, text):
    (tmp_path / "in.jsonl").write_text(text)
    code, _, stderr = run(model, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert code == 1
    assert "No document was annotated" in stderr
    assert not (tmp_path / "out.jsonl").exists()
    assert (tmp_path / "out.rejected.jsonl").exists() == bool(text)


def test_nothing_good_is_an_error_when_a_run_goes_on_too(model, corpus, tmp_path):
    (tmp_path / "bad.jsonl").write_text("bad\n")
    for _ in range(2):
        code, _, stderr = run(model, tmp_path / "bad.jsonl", tmp_path / "out")
        assert (code, "No document was annotated" in stderr) == (1, True)
    for said in ("Annotated 5 documents with ", "beside 2 parts that were there"):
        code, _, stderr = run(model, corpus, tmp_path / "bad.jsonl", tmp_path / "both")
        assert (code, said in stderr) == (0, True)


def test_standard_input_and_output(model, corpus, tmp_path):
    code, stdout, stderr = run(model, "-", "-", input=corpus.read_bytes() + b"bad\n")
    assert code == 0
    assert texts_and_labels(map(json.loads, stdout.splitlines())) == GOLD
    assert "- line 6: every line must be valid JSON" in stderr
    code, stdout, stderr = run(model, "-", tmp_path / "out.jsonl", input="Victoria was a queen.\n")
    assert (code, stdout) == (0, "")
    assert texts_and_labels(read(tmp_path / "out.jsonl")) == [GOLD[3]]
    code, stdout, _ = run(model, corpus, "-")
    assert texts_and_labels(map(json.loads, stdout.splitlines())) == GOLD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.txt", "o.jsonl"], "an input must be there, was: nothing.txt, which is missing"),
        (["in.jsonl", "o.json"], "the output of --to jsonl must be a folder, without a suffix, or"),
        (["in.jsonl", "in.jsonl/o.jsonl"], "the output must be in a folder that can be written"),
        (["in.jsonl", "o.jsonl", "--to", "x"], "--to must be one of jsonl, spacy"),
        (["in.jsonl", "o", "--uncertain", "5"], "--to jsonl --uncertain must end in .jsonl, was"),
        (["in.jsonl", "o.jsonl", "--engine", "x"], "--engine must be local, or ray for an output"),
        (["in.jsonl", "-", "--engine", "ray"], "--engine must be local, or ray for an output of f"),
        (
            ["in.jsonl", "o.jsonl", "--code", "x.py"],
            "a model must be a pipeline that can be loaded",
        ),
        (["in.jsonl", "o.jsonl", "--spans-key", "x"], "spans_key must be that of a global_pointer"),
        (["in.jsonl", "o.jsonl", "--n-process", "0"], "n_process must be -1 (one a core) or at"),
        (["in.jsonl", "o.jsonl", "--format", "csv"], "format must be one of auto, txt, jsonl, was"),
    ],
)
def test_wrong_arguments_are_errors(model, corpus, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, stderr = run(model, *arguments)
    assert code == 1
    assert message in stderr
    assert list(tmp_path.iterdir()) == [corpus]


def test_a_model_that_is_not_there_is_an_error(corpus, tmp_path):
    code, _, stderr = run(tmp_path / "nothing", corpus, tmp_path / "out.jsonl")
    assert code == 1
    assert "a model must be an installed package or a folder with a pipeline" in stderr


def test_an_interrupted_run_says_that_it_can_go_on(model, corpus, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    goes_on = "The same command goes on where it was last saved"
    monkeypatch.setattr("spacy_globalpointer.commands.annotate.shards.Output.publish", interrupt)
    monkeypatch.setattr("spacy_globalpointer.commands.annotate.shards.Output.form", interrupt)
    code, _, stderr = run(model, corpus, tmp_path / "out.jsonl")
    assert (code, goes_on in stderr) == (130, True)
    code, _, stderr = run(model, corpus, "-")
    assert (code, goes_on in stderr) == (130, False)


def test_a_full_disk_is_an_error_that_a_run_goes_on_after(model, corpus, tmp_path, monkeypatch):
    def fail(self, *args):
        raise OSError(28, "No space left on device")

    output, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    with monkeypatch.context() as context:
        context.setattr("spacy_globalpointer.commands.annotate.shards.Output.publish", fail)
        code, _, stderr = run(model, corpus, output)
    assert (code, output.exists()) == (1, False)
    assert "No space left on device" in stderr
    assert "The same command goes on where it was last saved" in stderr
    assert run(model, corpus, output)[0] == run(model, corpus, whole)[0] == 0
    assert output.read_bytes() == whole.read_bytes()
    code, _, stderr = run(model, corpus, "/dev/null/out.jsonl")
    assert (code, "goes on" in stderr) == (1, False)


def test_help_shows_an_example():
    code, stdout, _ = run("--help")
    assert code == 0
    assert "$ spacy global-pointer annotate ./model-best texts/ news.jsonl.gz" in stdout


def make_corpus(folder, n_docs):
    """A compressed text file and JSON lines, with a bad line in each."""
    folder.mkdir()
    texts = [f"{SENTENCES[n % 5][0]} {SENTENCES[n % 3][0]} ({n})" for n in range(n_docs)]
    half = n_docs // 2
    lines = [json.dumps({"text": text, "n": n}) for n, text in enumerate(texts[:half])]
    (folder / "a.jsonl").write_text("\n".join([*lines, "bad"]))
    text = "\n".join(texts[half:]).encode()
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"\xff\n" + text))
    return texts


def start(model, inputs, output, *options):
    command = ["global-pointer", "annotate", str(model), str(inputs), str(output), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "spacy", *command],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
    )


def count_shards(output):
    return len(list(Output(output).folder.glob("0*.jsonl")))


def list_children(pid):
    """The processes that a process has started, as long as they run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            found += [int(path.parent.name)] if int(parent) == pid and state != "Z" else []
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc")
def test_workers_write_the_same_and_end_with_the_run(model, tmp_path):
    texts = make_corpus(tmp_path / "in", 1000)
    small = ["--batch-size", "16", "--shard-size", "50"]
    whole, killed = tmp_path / "whole" / "out.jsonl", tmp_path / "killed" / "out.jsonl"
    assert run(model, tmp_path / "in", whole, *small)[0] == 0
    assert [row["text"] for row in read(whole)] == texts
    process = start(model, tmp_path / "in", killed, *small, "--n-process", "2")
    end = time.monotonic() + 120
    while count_shards(killed) < 2 and time.monotonic() < end:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.001)
    children = list_children(process.pid)
    assert len(children) >= 2
    os.kill(process.pid, signal.SIGKILL)
    # Workers, which have the same standard error, end by themselves.
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert not [pid for pid in children if Path(f"/proc/{pid}/exe").exists()]
    n_left = count_shards(killed)
    assert n_left >= 2
    assert not killed.exists()
    code, _, stderr = run(model, tmp_path / "in", killed, *small)
    assert (code, f"beside {n_left} parts that were there" in stderr) == (0, True)
    assert sorted(path.name for path in killed.parent.iterdir()) == [
        *("out.jsonl", "out.rejected.jsonl")
    ]
    for path in killed.parent.iterdir():
        assert path.read_bytes() == (whole.parent / path.name).read_bytes()
    assert len(read(killed.parent / "out.rejected.jsonl")) == 2


def test_forms_of_tools(model, corpus, tmp_path):
    for to, name in (("doccano", "d.jsonl"), ("prodigy", "p.jsonl"), ("label-studio", "l.json")):
        code, _, stderr = run(model, corpus, tmp_path / name, "--to", to, "--shard-size", "2")
        assert (code, "Annotated 5 documents" in stderr) == (0, True)
    rows = read(tmp_path / "d.jsonl")
    assert [len(row["entities"]) for row in rows] == [len(own) for own in GOLD]
    assert (
        "Doccano has no place for scores of spans: kept in"
        in run(model, corpus, tmp_path / "d2.jsonl", "--to", "doccano")[2]
    )
    rows = read(tmp_path / "p.jsonl")
    assert [token["text"] for token in rows[3]["tokens"]] == ["Victoria", "was", "a", "queen", "."]
    assert all(span["score"] >= 0.5 for row in rows for span in row["spans"])
    tasks = json.loads((tmp_path / "l.json").read_text())
    assert [len(task["predictions"][0]["result"]) for task in tasks] == [len(own) for own in GOLD]
    assert {task["predictions"][0]["model_version"] for task in tasks} == {Path(model).name}


def test_a_folder_of_pairs_for_brat(model, corpus, tmp_path):
    output = tmp_path / "brat"
    assert run(model, corpus, output, "--to", "brat", "--shard-size", "2")[0] == 0
    assert sorted(path.name for path in output.iterdir()) == [
        f"0000000{number}.{suffix}" for number in range(1, 6) for suffix in ("ann", "txt")
    ]
    for number, (text, spans) in enumerate(SENTENCES, start=1):
        assert (output / f"0000000{number}.txt").read_text() == text
        lines = (output / f"0000000{number}.ann").read_text().splitlines()
        found = {
            (line.split("\t")[2], line.split("\t")[1].split()[0])
            for line in lines
            if line[0] == "T"
        }
        assert found == set(spans)
    for options in ([], ["--overwrite"]):  # corrections may be in it
        code, _, stderr = run(model, corpus, output, "--to", "brat", *options)
        assert (code, "an output must not be there yet" in stderr) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["brat", "in.jsonl"]


def test_shards_in_the_form_of_a_tool(model, corpus, tmp_path):
    options = ["--to", "label-studio", "--shard-size", "2"]
    assert run(model, corpus, tmp_path / "tasks", *options)[0] == 0
    shards = sorted((tmp_path / "tasks").glob("*.json"))
    shards = [path for path in shards if path.name[0] != "."]
    assert [len(json.loads(path.read_text())) for path in shards] == [2, 2, 1]


def test_the_least_certain_first(model, corpus, tmp_path):
    for name, to in (("u.jsonl", "jsonl"), ("u.json", "label-studio")):
        output = tmp_path / name
        assert run(model, corpus, output, "--uncertain", "2", "--to", to)[0] == 0
    rows, tasks = read(tmp_path / "u.jsonl"), json.loads((tmp_path / "u.json").read_text())
    assert [row["uncertainty"] for row in rows] == sorted(
        (row["uncertainty"] for row in rows), reverse=True
    )
    assert [task["data"]["text"] for task in tasks] == [row["text"] for row in rows]
    _, stdout, _ = run(model, corpus, "-", "--uncertain", "2")
    assert [json.loads(line)["text"] for line in stdout.splitlines()] == [
        row["text"] for row in rows
    ]
