import gzip
import io
import json
import multiprocessing
import os
import signal
import weakref
from itertools import pairwise

import pytest
import spacy
from samples import SENTENCES, make_examples, make_nlp, train
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from spacy_globalpointer import (
    Argument,
    Event,
    Relation,
    get_events,
    get_relations,
    set_events,
    set_relations,
)
from spacy_globalpointer.commands.annotate import corpus, run
from spacy_globalpointer.commands.annotate.corpus import annotate, find_keys, find_pair_keys
from spacy_globalpointer.commands.annotate.writers import JsonLines
from spacy_globalpointer.corpora import read_records, record_to_doc

N_DOCS = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=60)
    directory = tmp_path_factory.mktemp("model")
    nlp.to_disk(directory)
    return str(directory)


@pytest.fixture(scope="module")
def nlp(model):
    return spacy.load(model)


def make_row(number):
    text = " ".join(SENTENCES[(number * k) % 5][0] for k in range(1, 2 + number % 3))
    return {"id": number, "text": f"{text} ({number})"}


@pytest.fixture
def inputs(tmp_path):
    """JSON lines with some bad ones, a compressed text, and a .spacy file."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [json.dumps(make_row(number)) for number in range(N_DOCS)]
    lines[5:5] = ["bad", ""]
    lines[20:20] = ['{"text": 1}']
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    texts = [make_row(number)["text"] for number in range(100, 115)]
    (folder / "b.txt.gz").write_bytes(gzip.compress("\n".join(texts).encode()))
    blank = spacy.blank("en")
    docs = [blank(make_row(number)["text"]) for number in range(200, 210)]
    DocBin(docs=docs).to_disk(folder / "c.spacy")
    return folder


NUMBERS = [*range(N_DOCS), *range(100, 115), *range(200, 210)]


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected_spans(nlp, text):
    """What the pipeline finds in one text alone."""
    doc = nlp(text)
    group = doc.spans["sc"]
    rows = [
        (span.start_char, span.end_char, span.label_, pytest.approx(float(score), abs=1e-4))
        for span, score in zip(group, group.attrs["scores"], strict=True)
    ]
    return sorted(rows, key=lambda row: (row[0], -row[1], row[2]))


def test_every_document_gets_its_spans(model, nlp, inputs, tmp_path):
    progress = annotate(model, [inputs], tmp_path / "o.jsonl", batch_size=4)
    rows = read(tmp_path / "o.jsonl")
    assert [row["text"] for row in rows] == [make_row(number)["text"] for number in NUMBERS]
    assert [row["id"] for row in rows[:N_DOCS]] == list(range(N_DOCS))
    for row in rows:
        found = [(s["start"], s["end"], s["label"], s["score"]) for s in row["spans"]]
        assert found == expected_spans(nlp, row["text"])
    assert sum(len(row["spans"]) for row in rows) > 50
    rejected = read(tmp_path / "o.rejected.jsonl")
    assert [(row["line"], row["content"]) for row in rejected] == [(6, "bad"), (21, '{"text": 1}')]
    assert {row["file"] for row in rejected} == {str(inputs / "a.jsonl")}
    assert (progress.n_docs, progress.n_rejected) == (len(NUMBERS), 2)
    assert progress.n_words == sum(len(nlp.make_doc(row["text"])) for row in rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "o.jsonl", "o.rejected.jsonl"]


def test_what_is_written_reads_back(model, inputs, tmp_path):
    annotate(model, [inputs], tmp_path / "o.jsonl")
    for record, row in zip(
        read_records(tmp_path / "o.jsonl"), read(tmp_path / "o.jsonl"), strict=True
    ):
        assert record.text == row["text"]
        assert record.spans == tuple((s["start"], s["end"], s["label"]) for s in row["spans"])


@Language.factory("relate_neighbours", default_config={"relations_key": "edges", "spans": None})
def make_relater(nlp, name, relations_key, spans):
    """Relates each span to the next one."""

    def relate(doc):
        pairs = pairwise(doc.spans["sc"])
        set_relations(doc, [Relation(*pair, "next", 0.75) for pair in pairs], relations_key)
        return doc

    return relate


def test_relations_of_the_pipeline_are_written_and_read_back(model, inputs, tmp_path):
    nlp = spacy.load(model)
    assert find_pair_keys(nlp, "relations") == ["relations"]
    nlp.add_pipe("relate_neighbours")
    assert find_pair_keys(nlp, "relations") == ["edges"]
    assert find_pair_keys(nlp, "relations", "x") == ["x"]
    nlp.to_disk(tmp_path / "model")
    annotate(str(tmp_path / "model"), [inputs], tmp_path / "o.jsonl", relations_key="x")
    assert not any("relations" in row for row in read(tmp_path / "o.jsonl"))
    annotate(str(tmp_path / "model"), [inputs], tmp_path / "o.jsonl", overwrite=True)
    records = list(read_records(tmp_path / "o.jsonl"))
    for record in records:
        doc, *_ = record_to_doc(record, nlp, alignment="fail")
        found = [(x.head, x.child, x.label) for x in get_relations(doc)]
        own = nlp(record.text)
        expected = get_relations(own, "edges")
        assert [(str(a), str(b), c) for a, b, c in found] == [
            (str(x.head), str(x.child), x.label) for x in expected
        ]
    assert sum(len(record.relations) for record in records) > 20
    assert read(tmp_path / "o.jsonl")[1]["relations"][0]["score"] == 0.75


@pytest.mark.parametrize(("config", "keys"), [({}, [None]), ({"spans": "sc"}, ["sc"])])
def test_spans_without_the_component_are_those_that_relations_join(config, keys):
    nlp = spacy.blank("en")
    nlp.add_pipe("relate_neighbours", config=config)
    assert find_keys(nlp) == keys


def test_relations_that_documents_came_with_are_written(model, tmp_path):
    doc = spacy.blank("en")("Rome closed.")
    set_relations(doc, [Relation(doc[1:2], doc[0:1], "of")])
    DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    annotate(model, [tmp_path / "in.spacy"], tmp_path / "o.jsonl")
    (row,) = read(tmp_path / "o.jsonl")
    (edge,) = row["relations"]
    assert [row["spans"][edge[end]]["start"] for end in ("head", "child")] == [5, 0]
    annotate(model, [tmp_path / "in.spacy"], tmp_path / "o.spacy")
    (part,) = (tmp_path / "o.spacy").iterdir()
    (doc,) = DocBin().from_disk(part).get_docs(spacy.blank("en").vocab)
    assert [relation.label for relation in get_relations(doc)] == ["of"]


@Language.factory("happen", default_config={"events_key": "happened", "spans": ["sc", None]})
def make_happener(nlp, name, events_key, spans):
    """Each two neighbours are arguments of an event that the first word of the text triggers."""

    def happen(doc):
        trigger = Span(doc, 0, 1, label="begin")
        own = [
            Event("begin", trigger, (Argument("of", one), Argument("with", other)), 0.75)
            for one, other in pairwise(doc.spans["sc"])
        ]
        set_events(
            doc, [*own, Event("begin", trigger, (Argument("of", trigger),), 0.5)], events_key
        )
        return doc

    return happen


def test_events_of_the_pipeline_are_written_and_read_back(model, inputs, tmp_path):
    nlp = spacy.load(model)
    assert find_pair_keys(nlp, "events") == ["events"]
    nlp.add_pipe("happen")
    assert find_pair_keys(nlp, "events") == ["happened"]
    assert find_pair_keys(nlp, "events", "x") == ["x"]
    nlp.to_disk(tmp_path / "model")
    annotate(str(tmp_path / "model"), [inputs], tmp_path / "o.jsonl", events_key="x")
    assert not any("events" in row for row in read(tmp_path / "o.jsonl"))
    annotate(str(tmp_path / "model"), [inputs], tmp_path / "o.jsonl", overwrite=True)
    # What is written is input again: its events are replaced by those that are found.
    annotate(str(tmp_path / "model"), [tmp_path / "o.jsonl"], tmp_path / "again.jsonl")
    assert read(tmp_path / "again.jsonl") == read(tmp_path / "o.jsonl")
    for record in read_records(tmp_path / "o.jsonl"):
        doc, *_ = record_to_doc(record, nlp, alignment="fail")
        own = get_events(nlp(record.text), "happened")
        assert [str(event[:3]) for event in get_events(doc)] == [str(event[:3]) for event in own]
        assert len(own) >= 1
    events = [event for row in read(tmp_path / "o.jsonl") for event in row["events"]]
    assert {event["score"] for event in events} == {0.5, 0.75}


def test_spans_without_the_component_are_those_of_events():
    nlp = spacy.blank("en")
    nlp.add_pipe("happen")
    assert find_keys(nlp) == ["sc", None]


def test_events_that_documents_came_with_are_written(model, tmp_path):
    doc = spacy.blank("en")("Rome closed.")
    trigger, rome = Span(doc, 1, 2, label="close"), Span(doc, 0, 1, label="CITY")
    set_events(doc, [Event("close", trigger, (Argument("what", rome),))])
    DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    annotate(model, [tmp_path / "in.spacy"], tmp_path / "o.jsonl")
    (row,) = read(tmp_path / "o.jsonl")
    (event,) = row["events"]
    (argument,) = event["arguments"]
    assert (event["type"], argument["role"]) == ("close", "what")
    assert [row["spans"][place]["label"] for place in (event["trigger"], argument["span"])] == [
        "close",
        "CITY",
    ]
    annotate(model, [tmp_path / "in.spacy"], tmp_path / "o.spacy")
    (part,) = (tmp_path / "o.spacy").iterdir()
    (doc,) = DocBin().from_disk(part).get_docs(spacy.blank("en").vocab)
    assert [(event.type, str(event.trigger)) for event in get_events(doc)] == [("close", "closed")]


def test_spacy_output_has_the_same_spans_in_parts(model, inputs, tmp_path):
    annotate(model, [inputs], tmp_path / "o.jsonl", batch_size=4)
    annotate(model, [inputs], tmp_path / "o.spacy", batch_size=4, part_size=30)
    parts = sorted((tmp_path / "o.spacy").iterdir())
    assert [path.name for path in parts] == ["000001.spacy", "000002.spacy", "000003.spacy"]
    vocab = spacy.blank("en").vocab
    docs = [doc for path in parts for doc in DocBin().from_disk(path).get_docs(vocab)]
    for doc, row in zip(docs, read(tmp_path / "o.jsonl"), strict=True):
        assert doc.text == row["text"]
        assert doc.user_data == ({"meta": {"id": row["id"]}} if "id" in row else {})
        found = [(span.start_char, span.end_char, span.label_) for span in doc.spans["sc"]]
        assert sorted(found) == sorted((s["start"], s["end"], s["label"]) for s in row["spans"])
    annotate(model, [tmp_path / "o.spacy"], tmp_path / "again.jsonl", batch_size=4)
    again = read(tmp_path / "again.jsonl")
    assert [(row.get("id"), row["text"]) for row in again[:N_DOCS]] == [
        (number, make_row(number)["text"]) for number in range(N_DOCS)
    ]


def test_long_documents_fill_a_part(model, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "PART_CHARACTERS", 20)
    (tmp_path / "a.txt").write_text("Rome is old.\nUlm.\nAnna Berg.\n" + "Victoria was here. " * 3)
    annotate(model, [tmp_path / "a.txt"], tmp_path / "o.spacy")
    parts = sorted((tmp_path / "o.spacy").iterdir())
    counts = [len(DocBin().from_disk(path)) for path in parts]
    assert counts == [3, 1]  # a part ends with the document that fills it


def test_processes_write_the_same(model, inputs, tmp_path):
    for n_process in (1, 2):
        out = tmp_path / str(n_process) / "o.jsonl"
        annotate(model, [inputs], out, batch_size=4, n_process=n_process, save_every=0.01)
    one, two = (snapshot(tmp_path / name) for name in "12")
    assert one == two


def test_batches_do_not_depend_on_where_a_run_is_saved(model, monkeypatch, inputs, tmp_path):
    """The last digits of a score depend on the batch."""
    nlp = spacy.load(model)
    pipe = nlp.get_pipe("global_pointer")
    batches, predict = [], pipe.predict
    monkeypatch.setattr(run, "load_model", lambda name: nlp)
    pipe.predict = lambda docs: [batches.append(len(docs)), predict(docs)][1]
    annotate(model, [inputs], tmp_path / "a.jsonl", batch_size=7, save_every=0)
    assert batches == [7] * 9 + [2]
    batches.clear()
    annotate(model, [inputs], tmp_path / "b.jsonl", batch_size=7)
    assert batches == [7] * 9 + [2]
    batches.clear()
    annotate(model, [inputs], tmp_path / "c.spacy", batch_size=7, part_size=16)
    assert batches == [7, 7, 2] * 4 + [1]


@pytest.mark.parametrize("n_process", [1, 2])
def test_a_pipeline_that_has_seen_many_words_is_replaced(
    model, monkeypatch, inputs, tmp_path, n_process
):
    """What spaCy keeps of words that it has forgotten would grow without end."""
    whole, output, alive = tmp_path / "whole" / "o.jsonl", tmp_path / "o" / "o.jsonl", []
    annotate(model, [inputs], whole, batch_size=4)

    def load(name):
        assert not [nlp for nlp in alive if nlp() is not None], "two pipelines in memory"
        nlp = spacy.load(name)
        alive.append(weakref.ref(nlp))
        return nlp

    monkeypatch.setattr(run, "load_model", load)
    monkeypatch.setattr(run, "MOST_WORDS", 90)
    annotate(model, [inputs], output, batch_size=4, save_every=0, n_process=n_process)
    assert 3 <= len(alive) <= 16
    assert snapshot(output.parent) == snapshot(whole.parent)


# A child process that kills itself with SIGKILL at a chosen step. A step is a moment before
# something changes on the disk, or in the middle of it. How many a batch has depends on the digits
# of its scores; "saves" counts the moments only in which a new journal is to replace the old one.
def _count_steps(kill_at, unit):
    steps = 0

    def step():
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_step(function):
        def wrapped(*args, **kwargs):
            step()
            return function(*args, **kwargs)

        return wrapped

    write_whole = JsonLines.write

    def write(self, row):
        line = io.BytesIO()
        write_whole(JsonLines(line), row)
        data = line.getvalue()
        self.file.write(data[: len(data) // 2])
        if len(data) % 3 == 0:
            self.file.flush()  # half a line on the disk
            step()
        self.file.write(data[len(data) // 2 :])

    os.replace = after_step(os.replace)
    if unit == "steps":
        os.fsync = after_step(os.fsync)
        corpus.remove = after_step(corpus.remove)
        JsonLines.write = write


def _run_child(nlp, kill_at, unit, args, options):
    run.load_model = lambda model: nlp
    _count_steps(kill_at, unit)
    annotate(*args, **options)


def run_child(nlp, kill_at, *args, unit="steps", **options):
    """Exit code of a run that is killed at a step (or save), if it has so many."""
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_run_child, args=(nlp, kill_at, unit, args, options))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode


@pytest.mark.parametrize("name", ["o.jsonl", "o.spacy"])
def test_a_kill_at_any_step_loses_and_repeats_nothing(model, nlp, inputs, tmp_path, name):
    options = {"batch_size": 24, "save_every": 0, "part_size": 24}
    annotate(model, [inputs], tmp_path / "whole" / name, **options)
    whole = snapshot(tmp_path / "whole")
    assert len(whole) == {"o.jsonl": 2, "o.spacy": 4}[name]
    kill_at, exit_code = 0, -signal.SIGKILL
    while exit_code:
        kill_at += 1
        out = tmp_path / str(kill_at)
        exit_code = run_child(nlp, kill_at, model, [inputs], out / name, **options)
        left = snapshot(out)
        # Nothing has its name before it is whole.
        assert all(data == whole[path] for path, data in left.items() if path in whole)
        # The last thing that happens is that the journal goes; then there is nothing to go on with.
        if exit_code and left != whole:
            assert run_child(nlp, 0, model, [inputs], out / name, **options) == 0
        assert snapshot(out) == whole, f"killed at step {kill_at}"
    assert kill_at > 20


@pytest.mark.parametrize("name", ["o.jsonl", "o.spacy"])
@pytest.mark.parametrize("steps", [11, 16])
def test_a_run_that_is_killed_again_and_again_comes_to_its_end(
    model, nlp, inputs, tmp_path, name, steps
):
    options = {"batch_size": 4, "save_every": 0, "part_size": 8}
    annotate(model, [inputs], tmp_path / "whole" / name, **options)
    n_kills = 0
    while run_child(nlp, steps, model, [inputs], tmp_path / "killed" / name, **options):
        n_kills += 1
        assert n_kills < 100
    assert n_kills >= 3
    assert snapshot(tmp_path / "killed") == snapshot(tmp_path / "whole")


def kill_midway(model, nlp, inputs, output, **options):
    options = {"batch_size": 4, "save_every": 0, "unit": "saves", **options}
    assert run_child(nlp, 3, model, inputs, output, **options)
    left = {path.name for path in output.parent.iterdir() if "o." in path.name}
    assert left == {
        "o.jsonl.lock",  # nobody's
        *("o.jsonl.part", "o.jsonl.progress", ".o.jsonl.progress.partial", "o.rejected.jsonl.part"),
    }
    assert 0 < len((output.parent / "o.jsonl.part").read_text().splitlines()) < len(NUMBERS)


def test_a_run_is_not_continued_with_other_things(model, nlp, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    kill_midway(model, nlp, [inputs], output)
    (tmp_path / "o.jsonl.lock").unlink()
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=r"was: other inputs. Give the same, or start anew"):
        annotate(model, [inputs / "a.jsonl"], output)
    with pytest.raises(ValueError, match="was: other spans key"):
        annotate(model, [inputs], output, spans_key="sc")
    other = make_nlp()
    train(other, make_examples(other), steps=1)
    other.to_disk(tmp_path.parent / f"{tmp_path.name}_other")
    with pytest.raises(ValueError, match="was: other model"):
        annotate(str(tmp_path.parent / f"{tmp_path.name}_other"), [inputs], output)
    assert snapshot(tmp_path) == before
    content = (inputs / "a.jsonl").read_text()
    for changed in (content.replace("Ulm", "ULM"), content + "\n"):
        (inputs / "a.jsonl").write_text(changed)
        with pytest.raises(ValueError, match="was: other inputs"):
            annotate(model, [inputs], output)


def test_another_batch_size_continues_a_run(model, nlp, inputs, tmp_path):
    """What a user does who has run out of memory."""
    output = tmp_path / "o.jsonl"
    kill_midway(model, nlp, [inputs], output)
    assert annotate(model, [inputs], output, batch_size=3).n_docs == len(NUMBERS)
    assert [row["text"] for row in read(output)] == [make_row(n)["text"] for n in NUMBERS]


def test_overwrite_starts_anew(model, nlp, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    kill_midway(model, nlp, [inputs], output)
    progress = annotate(model, [inputs / "b.txt.gz"], output, overwrite=True)
    assert (progress.n_docs, len(read(output))) == (15, 15)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "o.jsonl"]


def test_an_output_that_is_there_is_kept_until_the_new_one_is_whole(model, nlp, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    annotate(model, [inputs], output)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=r"must not be there yet, was: .*o.jsonl, .*o.rejected"):
        annotate(model, [inputs], output)
    options = {"batch_size": 4, "save_every": 0}
    killed = {**options, "unit": "saves", "overwrite": True}
    assert run_child(nlp, 3, model, [inputs / "b.txt.gz"], output, **killed)
    assert snapshot(tmp_path).items() > before.items()
    annotate(model, [inputs / "b.txt.gz"], output, **options)
    assert len(read(output)) == 15
    assert not (tmp_path / "o.rejected.jsonl").exists()


def test_a_folder_of_parts_is_replaced_and_no_other(model, inputs, tmp_path):
    output = tmp_path / "o.spacy"
    annotate(model, [inputs], output, part_size=10)
    annotate(model, [inputs / "b.txt.gz"], output, overwrite=True)
    assert [path.name for path in output.iterdir()] == ["000001.spacy"]
    (output / "train.spacy").write_text("mine")
    with pytest.raises(ValueError, match="a folder is only replaced if it holds nothing but parts"):
        annotate(model, [inputs], output, overwrite=True)
    (tmp_path / "o.jsonl").mkdir()
    with pytest.raises(ValueError, match="a folder is only replaced"):
        annotate(model, [inputs], tmp_path / "o.jsonl", overwrite=True)
    assert (output / "train.spacy").read_text() == "mine"


def test_output_in_the_input_folder_is_not_read(model, inputs):
    first = annotate(model, [inputs], inputs / "o.jsonl")
    again = annotate(model, [inputs], inputs / "o.jsonl", overwrite=True)
    assert first == again


@pytest.fixture
def no_model(monkeypatch):
    """The model must not be loaded."""
    monkeypatch.setattr(run, "load_model", None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file/o.jsonl", "the output must be in a folder that can be written, was: .*file"),
        ("/proc/nothing/o.jsonl", "the output must be in a folder that can be written"),
        ("o.json", "the output must end in .jsonl or .spacy, or be -"),
        ("o.jsonl.gz", "the output must end in .jsonl or .spacy, or be -"),
        ("in/a.jsonl", "an input must not be the output"),
    ],
)
def test_outputs_that_cannot_be_used(no_model, model, inputs, tmp_path, name, message):
    (tmp_path / "file").write_text("")
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=message):
        annotate(model, [inputs / "a.jsonl"], tmp_path / name)
    assert snapshot(tmp_path) == before


def test_a_model_without_the_component(inputs, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model")
    with pytest.raises(ValueError, match=r"active component global_pointer, was: .* sentencizer"):
        annotate(str(tmp_path / "model"), [inputs], tmp_path / "o.jsonl")
    assert not list(tmp_path.glob("o.*"))


def test_several_components(model, inputs, tmp_path):
    nlp = spacy.load(model)
    nlp.add_pipe("global_pointer", "other", source=spacy.load(model))
    nlp.get_pipe("other").cfg["spans_key"] = "b"
    nlp.get_pipe("other").cfg["threshold"] = 0.99999
    assert find_keys(nlp) == ["sc", "b"]
    assert find_keys(nlp, "b") == ["b"]
    with pytest.raises(ValueError, match=r"of the model \(sc, b\), was: 'c'. Choose one"):
        find_keys(nlp, "c")
    with nlp.select_pipes(disable=["global_pointer"]):
        assert find_keys(nlp) == ["b"]


def test_strict_stops_at_the_first_bad_line_and_can_be_continued(model, inputs, tmp_path):
    output = tmp_path / "o.jsonl"
    with pytest.raises(ValueError, match=r"a.jsonl line 6: every line must be valid JSON"):
        annotate(model, [inputs], output, strict=True, batch_size=4)
    assert not output.exists()
    with pytest.raises(ValueError, match=r"a.jsonl line 6"):
        annotate(model, [inputs], output, strict=True, batch_size=4, n_process=2)
    annotate(model, [inputs], output)
    assert [row["text"] for row in read(output)] == [make_row(n)["text"] for n in NUMBERS]
    assert len(read(tmp_path / "o.rejected.jsonl")) == 2


@pytest.mark.parametrize("n_process", [1, 2])
@pytest.mark.parametrize(("text", "n_rejected"), [("bad\n[]\n", 2), ("\n", 0), ("", 0)])
def test_nothing_to_annotate(model, tmp_path, text, n_rejected, n_process):
    (tmp_path / "a.jsonl").write_text(text)
    for overwrite in (False, True):
        options = {"overwrite": overwrite, "n_process": n_process}
        progress = annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.jsonl", **options)
        assert (progress.n_docs, progress.n_rejected) == (0, n_rejected)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["a.jsonl"] + ["o.rejected.jsonl"] * bool(n_rejected)


def test_texts_beyond_max_length_are_set_aside(model, tmp_path):
    nlp = spacy.load(model)
    nlp.max_length = 10
    (tmp_path / "a.txt").write_text("0123456789\n01234567890\nRome")
    patch = pytest.MonkeyPatch()
    patch.setattr(run, "load_model", lambda name: nlp)
    annotate(model, [tmp_path / "a.txt"], tmp_path / "o.jsonl")
    patch.undo()
    assert [row["text"] for row in read(tmp_path / "o.jsonl")] == ["0123456789", "Rome"]
    (row,) = read(tmp_path / "o.rejected.jsonl")
    assert (row["line"], row["content"]) == (2, "01234567890")
    assert "at most 10 characters (nlp.max_length), was: 11" in row["reason"]


def test_fields_that_parts_cannot_hold_are_set_aside(model, tmp_path):
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "n": {2**70}}}\n{{"text": "b"}}')
    progress = annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.spacy")
    assert (progress.n_docs, progress.n_rejected) == (1, 1)
    (row,) = read(tmp_path / "o.spacy.rejected.jsonl")
    assert row["reason"].startswith("its fields must be such as the output can hold")
    assert row["content"] == "a"


def test_a_tokenizer_that_changes_the_text_is_noticed(model, monkeypatch, tmp_path):
    nlp = spacy.load(model)
    nlp.tokenizer = lambda text: Doc(nlp.vocab, words=text.split())
    monkeypatch.setattr(run, "load_model", lambda name: nlp)
    (tmp_path / "a.txt").write_text("two words \nRome.\nin  Rome")
    progress = annotate(model, [tmp_path / "a.txt"], tmp_path / "o.jsonl")
    assert (progress.n_docs, progress.n_rejected) == (1, 2)


def test_a_pipeline_that_drops_documents_is_an_error(model, monkeypatch, tmp_path):
    nlp = spacy.load(model)
    nlp.get_pipe("global_pointer").predict = lambda docs: 1 / 0
    nlp.set_error_handler(lambda *args: None)
    monkeypatch.setattr(run, "load_model", lambda name: nlp)
    (tmp_path / "a.txt").write_text("one\ntwo")
    with pytest.raises(ValueError, match=r"every document back, was: without 2, first .* line 1"):
        annotate(model, [tmp_path / "a.txt"], tmp_path / "o.jsonl")


def test_a_message_of_any_value_fits_on_a_screen(capsys):
    run.say("warn", "a.jsonl line 1: a label must be short, was: " + "x" * 360_084 + ". Cut it")
    printed = " ".join(capsys.readouterr().err.split())  # without the line breaks of a terminal
    assert len(printed) < 2000
    assert "a label must be short, was: " in printed
    assert ". Cut it" in printed
