import gzip
import json
import weakref
from itertools import pairwise

import pytest
import spacy
from annotating import annotate
from samples import SENTENCES
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from spacy_globalpointer import (
    Argument,
    Event,
    Relation,
    annotator,
    get_events,
    get_relations,
    set_events,
    set_relations,
)
from spacy_globalpointer.annotator import find_keys, find_pair_keys
from spacy_globalpointer.commands.annotate import run
from spacy_globalpointer.corpora import read_records, record_to_doc, stream

N_DOCS = 40


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
    (doc,) = read_docs(tmp_path / "o.spacy")
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
    (doc,) = read_docs(tmp_path / "o.spacy")
    assert [(event.type, str(event.trigger)) for event in get_events(doc)] == [("close", "closed")]


def read_docs(folder):
    vocab = spacy.blank("en").vocab
    parts = sorted(folder.glob("*.spacy"))
    return [doc for path in parts for doc in DocBin().from_disk(path).get_docs(vocab)]


def test_spacy_output_has_the_same_spans_in_shards(model, inputs, tmp_path):
    annotate(model, [inputs], tmp_path / "o.jsonl", batch_size=4)
    annotate(model, [inputs], tmp_path / "o.spacy", batch_size=4, shard_size=30)
    names = sorted(path.name for path in (tmp_path / "o.spacy").iterdir())
    shards = [f"0000000{number}.spacy" for number in range(1, 5)]  # of two lines, one is bad
    bad = "00000001.rejected"
    assert names == [".manifest.json", bad, *shards, "_SUCCESS"]
    assert len(read(tmp_path / "o.spacy" / bad)) == 2
    docs = read_docs(tmp_path / "o.spacy")
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


def test_a_folder_of_json_lines_is_the_file_in_shards(model, inputs, tmp_path):
    annotate(model, [inputs], tmp_path / "o.jsonl", batch_size=6, shard_size=12)
    annotate(model, [inputs], tmp_path / "o", batch_size=6, shard_size=12)
    shards = sorted((tmp_path / "o").glob("*.jsonl"))
    assert len(shards) == 4 + 2 + 1
    assert (
        b"".join(map(bytes.__add__, map(type(shards[0]).read_bytes, shards), [b""] * 7))
        == (tmp_path / "o.jsonl").read_bytes()
    )


def test_long_documents_fill_a_shard(model, monkeypatch, tmp_path):
    monkeypatch.setattr(stream, "SHARD_BYTES", 20)
    (tmp_path / "a.txt").write_text("Rome is old.\nUlm.\nAnna Berg.\n" + "Victoria was here. " * 3)
    annotate(model, [tmp_path / "a.txt"], tmp_path / "o.spacy")
    counts = [len(DocBin().from_disk(path)) for path in sorted((tmp_path / "o.spacy").glob("0*"))]
    assert counts == [3, 1]  # a shard ends with the document that fills it


def test_tokens_are_those_of_the_model(model, nlp, tmp_path):
    """Whatever the input says of others, and however `convert` would split the text."""
    text = "Anna  Berg's dog, don't\tyou? 10km\n Rome "
    row = {"text": text, "tokens": text.split(), "spans": [], "span_labels": ["GPE"]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.jsonl")
    (row,) = read(tmp_path / "o.jsonl")
    assert list(row) == ["text", "tokens", "spans"]
    assert row["tokens"] == [token.text for token in nlp.make_doc(text)]
    (record,) = read_records(tmp_path / "o.jsonl")
    doc, *_ = record_to_doc(record, spacy.blank("zh"), alignment="fail")
    assert [token.text for token in doc] == row["tokens"]


def test_a_pipeline_that_has_seen_many_words_is_replaced(model, monkeypatch, inputs, tmp_path):
    """What spaCy keeps of words that it has forgotten would grow without end."""
    whole, output, alive = tmp_path / "whole" / "o.jsonl", tmp_path / "o" / "o.jsonl", []
    annotate(model, [inputs], whole, batch_size=4, shard_size=8)

    def load(name):
        assert not [nlp for nlp in alive if nlp() is not None], "two pipelines in memory"
        nlp = spacy.load(name)
        alive.append(weakref.ref(nlp))
        return nlp

    monkeypatch.setattr(annotator, "load_model", load)
    monkeypatch.setattr(annotator, "MOST_WORDS", 90)
    annotate(model, [inputs], output, batch_size=4, shard_size=8)
    assert 3 <= len(alive) <= 16
    assert snapshot(output.parent) == snapshot(whole.parent)


def test_least_certain_documents_come_first(model, nlp, inputs, tmp_path):
    """And each has the spans that it has without that."""
    annotate(model, [inputs], tmp_path / "all.jsonl")
    annotate(model, [inputs], tmp_path / "every.jsonl", uncertain=100)
    annotate(model, [inputs], tmp_path / "few.jsonl", uncertain=7, shard_size=9)
    every, few = read(tmp_path / "every.jsonl"), read(tmp_path / "few.jsonl")
    values = [row["uncertainty"] for row in every]
    assert values == sorted(values, reverse=True)
    assert [row["uncertainty"] for row in few] == pytest.approx(values[:7], abs=1e-4)
    assert [row["text"] for row in few] == [row["text"] for row in every[:7]]
    spans = {row["text"]: row["spans"] for row in read(tmp_path / "all.jsonl")}
    assert len(every) == len(spans) == len(NUMBERS)
    for row in every:
        assert [{**span, "score": 0} for span in row["spans"]] == [
            {**span, "score": 0} for span in spans[row["text"]]
        ]
    assert list(read_records(tmp_path / "few.jsonl"))


def test_output_in_the_input_folder_is_not_read(model, inputs):
    first = annotate(model, [inputs], inputs / "o.jsonl")
    again = annotate(model, [inputs], inputs / "o.jsonl", overwrite=True)
    assert first == again


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file/o.jsonl", "the output must be in a folder that can be written, was: .*file"),
        ("/proc/nothing/o.jsonl", "the output must be in a folder that can be written"),
        ("o.json", "the output of --to jsonl must be a folder, without a suffix, or end in .jsonl"),
        ("o.jsonl.gz", "must be a folder, without a suffix, or end in .jsonl, was: .*o.jsonl.gz"),
        ("in/a.jsonl", "an input must not be the output"),
        ("/", "the output of --to jsonl must be a folder, without a suffix, .* was: /. To fix"),
    ],
)
def test_outputs_that_cannot_be_used(model, inputs, tmp_path, name, message):
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
    annotate(model, [inputs], output)
    assert [row["text"] for row in read(output)] == [make_row(n)["text"] for n in NUMBERS]
    assert len(read(tmp_path / "o.rejected.jsonl")) == 2


@pytest.mark.parametrize(("text", "n_rejected"), [("bad\n[]\n", 2), ("\n", 0), ("", 0)])
def test_nothing_to_annotate(model, tmp_path, text, n_rejected):
    (tmp_path / "a.jsonl").write_text(text)
    for overwrite in (False, True):
        progress = annotate(
            model, [tmp_path / "a.jsonl"], tmp_path / "o.jsonl", overwrite=overwrite
        )
        assert (progress.n_docs, progress.n_rejected) == (0, n_rejected)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["a.jsonl"] + ["o.rejected.jsonl"] * bool(n_rejected)


def test_texts_beyond_max_length_are_set_aside(model, tmp_path):
    nlp = spacy.load(model)
    nlp.max_length = 10
    (tmp_path / "a.txt").write_text("0123456789\n01234567890\nRome")
    patch = pytest.MonkeyPatch()
    patch.setattr(annotator, "load_model", lambda name: nlp)
    annotate(model, [tmp_path / "a.txt"], tmp_path / "o.jsonl")
    patch.undo()
    assert [row["text"] for row in read(tmp_path / "o.jsonl")] == ["0123456789", "Rome"]
    (row,) = read(tmp_path / "o.rejected.jsonl")
    assert (row["line"], row["content"]) == (2, "01234567890")
    assert "at most 10 characters (nlp.max_length), was: 11" in row["reason"]


def test_fields_stay_as_json_has_them(model, tmp_path):
    """Python reads NaN and 1e999, for which JSON has nothing; half a character is escaped."""
    line = (
        '{"n": [NaN, 1e999, -Infinity, 1e308], "text": "Rome", "a": "北京 \\u2028\\udc80", "b": {}}'
    )
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.jsonl")
    written = (tmp_path / "o.jsonl").read_bytes()
    assert "北京".encode() in written
    row = json.loads(written, parse_constant=pytest.fail)
    assert list(row) == ["n", "text", "a", "b", "tokens", "spans"]
    assert (row["n"], row["a"], row["b"]) == ([None, None, None, 1e308], "北京 \u2028\udc80", {})


def test_metadata_that_is_no_json_is_set_aside(model, tmp_path):
    nlp = spacy.blank("en")
    docs = [nlp("one"), nlp("two")]
    docs[0].user_data["meta"] = {"id": b"bytes"}
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    annotate(model, [tmp_path / "a.spacy"], tmp_path / "o.jsonl")
    assert [row["text"] for row in read(tmp_path / "o.jsonl")] == ["two"]
    (row,) = read(tmp_path / "o.rejected.jsonl")
    assert "such as the output can hold, was: Object of type bytes is not JSON" in row["reason"]


def test_what_components_leave_in_a_document_is_not_written(model, inputs, tmp_path):
    nlp = spacy.load(model)
    nlp.add_pipe("leave_an_object")
    nlp.to_disk(tmp_path / "model")
    annotate(str(tmp_path / "model"), [inputs], tmp_path / "o.spacy")
    assert not any("left" in doc.user_data for doc in read_docs(tmp_path / "o.spacy"))


@Language.component("leave_an_object")
def leave_an_object(doc):
    doc.user_data["left"] = object()
    return doc


def test_fields_that_parts_cannot_hold_are_set_aside(model, tmp_path):
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "n": {2**70}}}\n{{"text": "b"}}')
    progress = annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.spacy")
    assert (progress.n_docs, progress.n_rejected) == (1, 1)
    (row,) = read(tmp_path / "o.spacy" / "00000001.rejected")
    assert row["reason"].startswith("its fields must be such as the output can hold")
    assert row["content"] == "a"


def test_fields_that_are_nested_too_deep_are_set_aside(model, tmp_path):
    """Whatever can be read: where the forms of tools are written, there may be less room."""
    lines = [f'{{"text": "a", "n": {"[" * n}{"]" * n}}}' for n in (499, 500, 700, 5000)]
    flat = f'{{"text": "b", "n": [{"[], " * 600}{{}}]}}'
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, flat]))
    annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.json", to="label-studio")
    rejected = read(tmp_path / "o.json.rejected.jsonl")
    assert [row["line"] for row in rejected] == [2, 3, 4]
    assert "was: lists or objects more than 500 deep. Change them" in rejected[0]["reason"]


def test_fields_that_would_be_read_as_annotation_are_in_meta(model, tmp_path):
    text = SENTENCES[0][0]
    rows = [{"text": text, "events": "concert"}, {"text": text, "answer": "reject"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    annotate(model, [tmp_path / "a.jsonl"], tmp_path / "o.jsonl")
    assert [row["meta"] for row in read(tmp_path / "o.jsonl")] == [
        {"events": "concert"},
        {"answer": "reject"},
    ]
    annotate(model, [tmp_path / "a.jsonl"], tmp_path / "brat", to="brat")
    for files in ([tmp_path / "o.jsonl"], sorted((tmp_path / "brat").glob("*.ann"))):
        records = [record for path in files for record in read_records(path)]
        assert [bool(record.spans) for record in records] == [True, True]


def test_a_tokenizer_that_changes_the_text_is_noticed(model, monkeypatch, tmp_path):
    nlp = spacy.load(model)
    nlp.tokenizer = lambda text: Doc(nlp.vocab, words=text.split())
    monkeypatch.setattr(annotator, "load_model", lambda name: nlp)
    (tmp_path / "a.txt").write_text("two words \nRome.\nin  Rome")
    progress = annotate(model, [tmp_path / "a.txt"], tmp_path / "o.jsonl")
    assert (progress.n_docs, progress.n_rejected) == (1, 2)


def test_a_pipeline_that_drops_documents_is_an_error(model, monkeypatch, tmp_path):
    nlp = spacy.load(model)
    nlp.get_pipe("global_pointer").predict = lambda docs: 1 / 0
    nlp.set_error_handler(lambda *args: None)
    monkeypatch.setattr(annotator, "load_model", lambda name: nlp)
    (tmp_path / "a.txt").write_text("one\ntwo")
    with pytest.raises(ValueError, match=r"every document back, was: without 2, first 0"):
        annotate(model, [tmp_path / "a.txt"], tmp_path / "o.jsonl")


def test_a_message_of_any_value_fits_on_a_screen(capsys):
    run.say("warn", "a.jsonl line 1: a label must be short, was: " + "x" * 360_084 + ". Cut it")
    printed = " ".join(capsys.readouterr().err.split())  # without the line breaks of a terminal
    assert len(printed) < 2000
    assert "a label must be short, was: " in printed
    assert ". Cut it" in printed
