import gzip
import json
import re

import pytest
import spacy
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_globalpointer import get_events, get_relations, has_events, has_relations
from spacy_globalpointer.commands import app
from spacy_globalpointer.commands.convert import convert

LINES = [
    {
        "text": "Ada Lovelace lived in London.",
        "spans": [
            {"start": 0, "end": 12, "label": "PER"},
            {"start": 4, "end": 12, "label": "NAME"},
            {"start": 23, "end": 28, "label": "GPE"},
        ],
    },
    {"text": "No names here.", "spans": []},
    {"text": "Nobody looked at this."},
]
CLUENER = {"text": "韩梅梅在北京", "label": {"name": {"韩梅梅": [[0, 2]]}}}
CMEEE = [
    {
        "text": "患者发热",
        "entities": [{"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "发热"}],
    }
]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
    return path


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "convert", *map(str, arguments)])
    return result.exit_code, " ".join(re.sub(r"\x1b\[[\d;]*m", "", result.output).split())


def read(path, lang="en"):
    return list(DocBin().from_disk(path).get_docs(spacy.blank(lang).vocab))


def spans(doc, key="sc"):
    return [(span.text, span.label_) for span in doc.spans[key]] if key in doc.spans else None


def test_a_file_becomes_a_spacy_file(corpus, tmp_path):
    code, output = run(corpus, tmp_path / "new" / "train.spacy")
    assert code == 0
    docs = read(tmp_path / "new" / "train.spacy")
    assert [doc.text for doc in docs] == [line["text"] for line in LINES]
    assert [spans(doc) for doc in docs] == [
        [("Ada Lovelace", "PER"), ("Lovelace", "NAME")],
        [],
        None,
    ]
    assert "GPE 0 0 0 1 0" in output
    assert "PER 1 0 0 0 0" in output
    assert "all 2 0 0 1 0" in output
    assert "1 of 3 spans (33.3%) do not fit the tokens and were left out" in output
    assert "If these are not what was marked, repair the offsets" in output
    assert "Left out, such as: Ada Lovelace lived in L[ondon]." in output
    assert "1 of 3 documents are not annotated" in output
    assert "ℹ Converted 3 documents with 2 of 3 spans" in output
    assert "✔" not in output
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["train.spacy"]


@pytest.mark.parametrize(("alignment", "gold"), [("skip", []), ("expand", [("London", "GPE")])])
def test_alignment_is_passed_on(corpus, tmp_path, alignment, gold):
    code, _ = run(corpus, tmp_path / "x.spacy", "--alignment", alignment, "--spans-key", "gold")
    assert code == 0
    assert spans(read(tmp_path / "x.spacy")[0], "gold")[2:] == gold


def test_nothing_to_warn_of_gives_no_warning(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [{**LINES[0], "spans": LINES[0]["spans"][:2]}, LINES[1]]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    code, output = run(path, tmp_path / "a.spacy")
    assert code == 0
    assert "⚠" not in output
    assert output.endswith("✔ Converted 2 documents with 2 spans")


TEXT = "Ada lives in London."
# What tools write: the name of the file, its records, the key that the message names.
EXPORTS = [
    ("a.jsonl", {"id": 1, "text": TEXT, "label": [["PER", 0, 3]]}, "label"),
    ("a.jsonl", {"text": TEXT, "entities": [{"label": "PER", "start": 0, "end": 3}]}, "entities"),
    ("a.jsonl", {"tokens": TEXT.split(), "gold": ["B-PER", "O", "O", "O"]}, "gold"),
    (
        "a.jsonl",
        {"text": TEXT, "entity_mentions": [{"start": 0, "end": 1, "entity_type": "PER"}]},
        "entity_mentions",
    ),
    ("a.json", [[TEXT, {"gold": [[0, 3, "PER"]], "entities": []}]], "gold"),
    ("a.jsonl", {"text": TEXT, "annotation": [["PER", 0, 3]]}, "annotation"),
]


@pytest.mark.parametrize(("name", "content", "key"), EXPORTS)
def test_annotation_that_is_not_read_is_an_error(tmp_path, name, content, key):
    path = tmp_path / name
    path.write_text(json.dumps(content), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 1
    assert f'"{key}"' in output
    assert '"spans": [{"start": 0, "end": 3, "label": "X"}]' in output
    assert "✔" not in output
    assert list(tmp_path.iterdir()) == [path]


def test_our_own_records_may_be_an_array(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(LINES[:2], indent=1), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy", "--alignment", "expand")
    assert (code, output.endswith("✔ Converted 2 documents with 3 spans")) == (0, True)
    assert [spans(doc) for doc in read(tmp_path / "x.spacy")][1] == []


def test_a_file_all_of_whose_spans_are_left_out_is_an_error(tmp_path):
    path = tmp_path / "a.jsonl"
    line = {"text": TEXT, "spans": [{"start": 1, "end": 3, "label": "PER"}]}
    path.write_text((json.dumps(line) + "\n") * 20, encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 1
    assert "a.jsonl: spans must fit the tokens, but all 20 were left out. If these" in output
    assert output.count("A[da] lives in London.") == 1
    assert "✔" not in output
    assert list(tmp_path.iterdir()) == [path]
    assert run(path, tmp_path / "x.spacy", "--alignment", "expand")[0] == 0


@pytest.mark.parametrize("line", [LINES[1], LINES[2]])
def test_a_file_without_any_span_is_warned_of(tmp_path, corpus, line):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(line), encoding="utf-8")
    code, output = run(path, corpus, tmp_path / "x.spacy", "--alignment", "expand")
    assert code == 0
    assert f"⚠ No record has a span in: {path}" in output.replace(" /", "/").replace(
        "in:/", "in: /"
    )
    assert "✔" not in output


def test_a_wrong_mention_is_an_error_that_names_the_reading(tmp_path):
    path = tmp_path / "a.jsonl"
    mentions = [{"start": 4, "end": 6, "label": "GPE", "text": "北京"}]
    row = {"text": "😀我在北京。", "spans": mentions}
    path.write_text(json.dumps(row), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy", "--lang", "zh")
    assert code == 1
    assert (
        "where the text has '京。'. 1 of 1 mentions of this record fit if offsets count UTF-16"
        in (output)
    )


def test_remarks_of_records_are_printed(tmp_path):
    path = tmp_path / "a.jsonl"
    row = {"text": TEXT, "spans": [{"start": 0, "end": 3, "label": " PER"}]}
    row["events"] = [{**event("PER", 0), "realis": "other"}]
    path.write_text(json.dumps(row), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 0
    assert spans(*read(tmp_path / "x.spacy")) == [("Ada", "PER")]
    assert "⚠ White space around the label ' PER' was trimmed (once in " in output
    assert '⚠ "realis" of events is not read (once in ' in output


def test_each_file_is_taken_once(corpus, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path, target_is_directory=True)
    inputs = [tmp_path, corpus, tmp_path / ".." / tmp_path.name / corpus.name, link / corpus.name]
    report = convert(inputs, tmp_path / "out" / "x.spacy")
    assert report.n_docs == len(LINES)
    report = convert(inputs, tmp_path / "folder")
    assert report.written == [tmp_path / "folder" / "train.spacy"]


def test_an_error_leaves_no_file_and_names_the_line(corpus, tmp_path):
    code, output = run(corpus, tmp_path / "x.spacy", "--alignment", "fail")
    assert code == 1
    assert "line 1: a span must start and end at token borders, was: 'ondon'" in output
    assert list(tmp_path.iterdir()) == [corpus]


def test_an_error_keeps_the_file_of_an_earlier_run(corpus, tmp_path):
    target = tmp_path / "x.spacy"
    run(corpus, target)
    before = target.read_bytes()
    assert run(corpus, target, "--alignment", "fail")[0] == 1
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--format", "conll"],
            "format must be auto or one of jsonl, cluener, cmeee, doccano, label",
        ),
        (["--alignment", "strict"], "alignment must be one of fail, skip, expand, was: 'strict'"),
        (["--lang", "qqq"], "--lang must be the code of a language of spaCy, was: 'qqq'. To fix:"),
        (["--spans-key", ""], "--spans-key must be the name of a group of doc.spans, in valid"),
        (["--events-key", "\udc80"], "--events-key must be the name of a group of doc.spans, in"),
        (["--spans-key", "relations"], "--spans-key and --relations-key must differ, because"),
        (["--format", "bio"], "train.jsonl line 2: every line must have a token and"),
    ],
)
def test_wrong_options_are_errors(corpus, tmp_path, arguments, message):
    code, output = run(corpus, tmp_path / "x.spacy", *arguments)
    assert code == 1
    assert message in output
    assert list(tmp_path.iterdir()) == [corpus]


def test_missing_input_is_an_error(tmp_path):
    code, output = run(tmp_path / "nothing.jsonl", tmp_path / "x.spacy")
    assert code == 1
    assert "an input must be there, was:" in output
    assert "nothing.jsonl, which is missing" in output
    (tmp_path / "empty").mkdir()
    code, output = run(tmp_path / "empty", tmp_path / "x.spacy")
    assert code == 1
    assert "an input must be a file or a folder with corpus files in it" in output


def test_an_output_that_cannot_be_written_is_an_error(corpus, tmp_path):
    (tmp_path / "x.spacy").mkdir()
    code, output = run(corpus, tmp_path / "x.spacy")
    assert code == 1
    assert "Conversion stopped" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.jsonl", "x.spacy"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(CLUENER, ensure_ascii=False), encoding="utf-8")
    (folder / "more" / "b.json").write_text(json.dumps(CMEEE, ensure_ascii=False), encoding="utf-8")
    bio = "李 B-PER\n雷 E-PER\n到 O\n".encode()
    (folder / "c.char.bmes.gz").write_bytes(gzip.compress(bio))
    (folder / "README.md").write_text("Not data.", encoding="utf-8")
    (folder / ".hidden.json").write_text("Not data.", encoding="utf-8")
    return folder


GOLD = {
    "a.spacy": [("韩梅梅", "name")],
    "c.char.spacy": [("李雷", "PER")],
    "more/b.spacy": [("发热", "sym")],
}


def test_a_folder_becomes_a_folder(folder, tmp_path):
    code, output = run(folder, tmp_path / "out", "--lang", "zh")
    assert (code, "Converted 3 documents" in output) == (0, True)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    found = {str(path.relative_to(tmp_path / "out")): spans(read(path, "zh")[0]) for path in files}
    assert found == GOLD
    assert read(tmp_path / "out" / "c.char.spacy", "zh")[0].text == "李雷到"


def test_a_folder_becomes_one_file(folder, tmp_path):
    report = convert([folder], tmp_path / "all.spacy", lang="zh")
    assert [spans(doc) for doc in read(tmp_path / "all.spacy", "zh")] == list(GOLD.values())
    assert (report.n_docs, report.n_unannotated) == (3, 0)
    assert report.written == [tmp_path / "all.spacy"]
    assert (report.count("kept"), report.count("kept", "sym"), report.count("skipped")) == (3, 1, 0)


def test_several_files_go_to_one_folder_or_file(corpus, tmp_path):
    other = tmp_path / "dev.jsonl"
    other.write_text(json.dumps(LINES[1]), encoding="utf-8")
    convert([corpus, other], tmp_path / "out")
    convert([corpus, other], tmp_path / "all.spacy", limit=2)
    assert {path.name: len(read(path)) for path in (tmp_path / "out").iterdir()} == {
        "train.spacy": 3,
        "dev.spacy": 1,
    }
    assert len(read(tmp_path / "all.spacy")) == 3


def test_two_inputs_for_one_output_are_an_error(corpus, tmp_path):
    compressed = tmp_path / "train.jsonl.gz"
    compressed.write_bytes(gzip.compress(corpus.read_bytes()))
    with pytest.raises(ValueError, match=r"an output file of its own, was: .*train.spacy for"):
        convert([corpus, compressed], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_words_without_text_train_as_words(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text("can't B-X\nstop O\n", encoding="utf-8")
    convert([path], tmp_path / "a.spacy")
    (doc,) = read(tmp_path / "a.spacy")
    assert [token.text for token in doc] == ["can't", "stop"]
    (example,) = spacy.training.Corpus(tmp_path / "a.spacy")(spacy.blank("en"))
    assert [token.text for token in example.predicted] == ["can't", "stop"]


def test_help_shows_an_example():
    code, output = run("--help")
    assert code == 0
    assert "$ spacy global-pointer convert train.jsonl train.spacy --lang en" in output


def test_the_command_is_one_of_spacys():
    assert app in [group.typer_instance for group in spacy_app.registered_groups]
    assert "convert" in [command.name for command in app.registered_commands]


def relation(head, child, label):
    return {"head": head, "child": child, "label": label}


RELATED = [
    {
        "text": "Ada Lovelace lived in London.",
        "spans": [
            {"start": 23, "end": 28, "label": "GPE"},
            {"start": 0, "end": 12, "label": "PER"},
            {"start": 0, "end": 12, "label": "PER"},
            {"start": 0, "end": 3, "label": "NAME"},
        ],
        "relations": [
            *(relation(1, 3, "has"), relation(3, 1, "part"), relation(2, 3, "has")),
            *(relation(1, 0, "lives"), relation(1, 2, "same"), relation(3, 3, "has")),
        ],
    },
    {"text": "No names here.", "spans": [], "relations": []},
    {"text": "Ada slept.", "spans": [{"start": 0, "end": 3, "label": "PER"}]},
    {"text": "Nobody looked at this."},
]


@pytest.fixture
def related(tmp_path):
    path = tmp_path / "related.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in RELATED), encoding="utf-8")
    return path


def relations(doc, key="relations"):
    found = get_relations(doc, key)
    return [(head.text, child.text, label) for head, child, label, _ in found]


def test_relations_follow_their_spans_and_are_counted(related, tmp_path):
    code, output = run(related, tmp_path / "x.spacy")
    assert code == 0
    docs = read(tmp_path / "x.spacy")
    kept = [
        *(("Ada Lovelace", "Ada", "has"), ("Ada", "Ada Lovelace", "part"), ("Ada", "Ada", "has"))
    ]
    assert [relations(doc) for doc in docs] == [kept, [], [], []]
    assert [has_relations(doc) for doc in docs] == [True, True, False, False]
    assert spans(docs[0]) == [("Ada Lovelace", "PER"), ("Ada", "NAME")]
    assert "relation kept skipped merged duplicate" in output
    assert "has 2 0 0 1" in output
    assert "lives 0 1 0 0" in output
    assert "same 0 0 1 0" in output
    assert "all 3 1 1 1" in output
    assert "2 of 6 relations (33.3%) were left out: 1 of spans that were, 1 between two" in output
    assert "related.jsonl line 1: lives from 'Ada Lovelace' to 'ondon'; " in output
    assert "1 of 4 documents have spans, but no relations annotated" in output
    assert output.endswith("Converted 4 documents with 3 of 5 spans and 3 of 6 relations")
    assert "✔" not in output


def test_wider_spans_keep_their_relations(related, tmp_path):
    code, output = run(
        *(related, tmp_path / "x.spacy", "--alignment", "expand", "--relations-key", "edges")
    )
    assert code == 0
    doc = read(tmp_path / "x.spacy")[0]
    assert ("Ada Lovelace", "London", "lives") in relations(doc, "edges")
    assert output.endswith("Converted 4 documents with 4 of 5 spans and 4 of 6 relations")


def test_data_without_relations_say_nothing_of_them(corpus, tmp_path):
    assert " relations " not in run(corpus, tmp_path / "x.spacy")[1]


def test_a_dangling_relation_is_an_error(tmp_path):
    path = tmp_path / "a.jsonl"
    row = {"text": TEXT, "spans": LINES[0]["spans"][:1], "relations": [relation(0, 1, "in")]}
    path.write_text(json.dumps(row), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 1
    assert "a.jsonl line 1: head and child of a relation must be places among 1 spans" in output
    assert "was: 0 to 1, 'in' (relation 0, from 0). Count the spans from 0" in output
    assert list(tmp_path.iterdir()) == [path]


def test_spans_and_relations_need_keys_of_their_own(related, tmp_path):
    code, output = run(related, tmp_path / "x.spacy", "--relations-key", "sc")
    assert code == 1
    assert "--spans-key and --relations-key must differ, because the group of the" in output


def event(kind, trigger, *arguments):
    rows = [{"role": role, "span": place} for role, place in arguments]
    return {"type": kind, "trigger": trigger, "arguments": rows}


def test_events_follow_their_spans_and_are_counted(tmp_path):
    spans_of_line = [
        {"start": 0, "end": 3, "label": "PER"},
        {"start": 4, "end": 9, "label": "life"},
        {"start": 14, "end": 18, "label": "GPE"},
        {"start": 5, "end": 9, "label": "half"},
    ]
    whole = event("life", 1, ("who", 0))
    events = [whole, event("life", 1, ("who", 0), ("where", 2)), event("half", 3), whole]
    rows = [
        {"text": "Ada lived in Rome.", "spans": spans_of_line, "events": events},
        {"text": "Ada.", "spans": []},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy", "--events-key", "what")
    assert code == 0
    docs = read(tmp_path / "x.spacy")
    assert [has_events(doc, "what") for doc in docs] == [True, False]
    found = get_events(docs[0], "what")
    assert [(e.trigger.text, [(role, s.text) for role, s in e.arguments]) for e in found] == [
        ("lived", [("who", "Ada")])
    ]
    assert "event kept reduced skipped merged duplicate" in output
    assert "half 0 0 1 0 0" in output
    assert "life 1 0 0 1 1" in output
    assert "2 of 4 events (50.0%) were left out: 1 because their trigger or all of" in output
    assert "1 because without a lost argument they equal another event. 0 others" in output
    assert "(arguments lost in all: 1)" in output
    assert "a.jsonl line 1: life of 'lived', 'Ada', 'ome.'" in output
    assert "a.jsonl line 1: half of 'ived'" in output
    assert "1 of 2 documents have spans, but no events annotated" in output
    assert output.endswith("Converted 2 documents with 2 of 4 spans and 1 of 4 events")
    assert "✔" not in output


def test_data_without_events_say_nothing_of_them(corpus, tmp_path):
    assert " events " not in run(corpus, tmp_path / "x.spacy")[1]


def test_an_event_whose_trigger_is_missing_is_an_error(tmp_path):
    path = tmp_path / "a.jsonl"
    row = {"text": TEXT, "spans": LINES[0]["spans"][:1], "events": [event("x", 1)]}
    path.write_text(json.dumps(row), encoding="utf-8")
    code, output = run(path, tmp_path / "x.spacy")
    assert code == 1
    assert "a.jsonl line 1: the trigger of an event must be a place among 1 spans" in output
    assert list(tmp_path.iterdir()) == [path]
