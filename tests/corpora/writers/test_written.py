"""Records in the forms of tools for annotation, and back."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.corpora import read_records
from spacy_globalpointer.corpora.writers import TOOLS, join_written
from spacy_globalpointer.corpora.writers.brat import BREAKS, NO_NAME, cut_at_breaks
from spacy_globalpointer.corpora.writers.prodigy import list_tokens

ROOT = Path(__file__).parents[3]
TEXT = "Ada met Bob\nFry in  Ulm."
SPANS = [
    {"start": 0, "end": 3, "label": "PER", "score": 0.9},
    {"start": 4, "end": 7, "label": "Meet", "score": 0.8},
    {"start": 8, "end": 15, "label": "PER", "score": 0.7},
    {"start": 8, "end": 15, "label": "FRIEND", "score": 0.6},
    {"start": 12, "end": 15, "label": "PER", "score": 0.5},
    {"start": 20, "end": 23, "label": "GPE", "score": 0.95},
]
RELATIONS = [{"head": 0, "child": 2, "label": "knows", "score": 0.75}]
EVENTS = [
    {
        "type": "Meet",
        "trigger": 1,
        "arguments": [
            {"role": "who", "span": 0},
            {"role": "who", "span": 2},
            {"role": "where", "span": 5},
        ],
        "score": 0.5,
    }
]
RECORD = {"id": 7, "text": TEXT, "spans": SPANS, "relations": RELATIONS, "events": EVENTS}
ONLY_SPANS = {"text": TEXT, "spans": [{"start": 0, "end": 3, "label": "PER"}]}


def write(tool, record, model=""):
    return TOOLS[tool].write(record, model)


def test_doccano():
    row, notes = write("doccano", RECORD)
    assert row["entities"][0] == {"id": 0, "start_offset": 0, "end_offset": 3, "label": "PER"}
    assert row["relations"] == [{"id": 0, "from_id": 0, "to_id": 2, "type": "knows"}]
    assert (row["text"], row["id"], len(row["entities"])) == (TEXT, 7, len(SPANS))
    kept = row["meta"]["spacy_globalpointer"]
    assert kept == {"spans": SPANS, "relations": RELATIONS, "events": EVENTS}
    assert [note.removeprefix("Doccano has no place for ") for note in notes] == [
        'scores of spans: kept in "meta"',
        'scores of relations: kept in "meta"',
        'events: kept in "meta"',
    ]
    assert write("doccano", ONLY_SPANS) == (
        {
            "text": TEXT,
            "entities": [{"id": 0, "start_offset": 0, "end_offset": 3, "label": "PER"}],
        },
        (),
    )


def test_label_studio():
    task, notes = write("label-studio", RECORD, "tiny 1.0")
    assert task["data"] == {"id": 7, "text": TEXT}
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("tiny 1.0", 0.5)
    *regions, relation = prediction["result"]
    assert regions[2] == {
        "id": "span-2",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 8, "end": 15, "text": "Bob\nFry", "labels": ["PER"]},
        "score": 0.7,
    }
    assert relation == {
        "type": "relation",
        "from_id": "span-0",
        "to_id": "span-2",
        "direction": "right",
        "labels": ["knows"],
        "score": 0.75,
    }
    assert notes == ('Label Studio has no place for events: kept in "meta"',)
    assert task["meta"]["spacy_globalpointer"]["events"] == EVENTS


def test_a_text_without_annotation_has_no_prediction_but_one_without_spans_has():
    assert "predictions" not in write("label-studio", {"text": "a"}).value
    assert write("label-studio", {"text": "a", "spans": []}).value["predictions"] == [
        {"result": []}
    ]
    assert "spans" not in write("prodigy", {"text": "a"}).value
    files, notes = write("brat", {"text": "a"})
    assert (files, notes) == (
        {".txt": "a", ".ann": ""},
        ("brat cannot tell a text that is not annotated from one without spans",),
    )


def test_prodigy():
    task, notes = write("prodigy", RECORD)
    assert [token["text"] for token in task["tokens"]] == [
        *("Ada", "met", "Bob", "\n", "Fry", "in", " ", "Ulm", ".")
    ]
    assert task["tokens"][0] == {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True}
    assert task["spans"][2] == {**SPANS[2], "token_start": 2, "token_end": 4}
    (relation,) = task["relations"]
    assert (relation["head"], relation["child"], relation["score"]) == (0, 4, 0.75)
    assert relation["child_span"] == {
        "start": 8,
        "end": 15,
        "token_start": 2,
        "token_end": 4,
        "label": "PER",
    }
    assert notes == ('Prodigy has no place for events: kept in "meta"',)


def test_prodigy_takes_the_tokens_of_a_record_and_cuts_those_that_a_span_cuts():
    spans = [{"start": 0, "end": 2, "label": "X"}, {"start": 4, "end": 6, "label": "Y"}]
    task = write("prodigy", {"text": "abc d ef", "tokens": ["abc", "d", "ef"], "spans": spans})
    assert [(t["text"], t["ws"]) for t in task.value["tokens"]] == [
        *(("ab", False), ("c", True), ("d", True), ("ef", False))
    ]
    assert [(s["token_start"], s["token_end"]) for s in task.value["spans"]] == [(0, 0), (2, 2)]


def test_an_earlier_answer_does_not_answer_the_new_task():
    row = {"text": "a", "spans": [], "answer": "reject", "_task_hash": 5, "meta": "kept"}
    task = write("prodigy", row).value
    assert "answer" not in task
    assert task["meta"] == {"meta": "kept", "answer": "reject", "_task_hash": 5}


def test_brat():
    files, notes = write("brat", RECORD)
    assert files[".txt"] == TEXT
    assert files[".ann"].splitlines() == [
        "T1\tPER 0 3\tAda",
        "#1\tAnnotatorNotes T1\tscore 0.9",
        "T2\tMeet 4 7\tmet",
        "#2\tAnnotatorNotes T2\tscore 0.8",
        "T3\tPER 8 11;12 15\tBob Fry",
        "#3\tAnnotatorNotes T3\tscore 0.7",
        "T4\tFRIEND 8 11;12 15\tBob Fry",
        "#4\tAnnotatorNotes T4\tscore 0.6",
        "T5\tPER 12 15\tFry",
        "#5\tAnnotatorNotes T5\tscore 0.5",
        "T6\tGPE 20 23\tUlm",
        "#6\tAnnotatorNotes T6\tscore 0.95",
        "E1\tMeet:T2 who:T1 who2:T3 where:T6",
        "#7\tAnnotatorNotes E1\tscore 0.5",
        "R1\tknows Arg1:T1 Arg2:T3",
        "#8\tAnnotatorNotes R1\tscore 0.75",
    ]
    assert notes == ('brat has no place for the field "id": not written',)


def test_what_brat_cannot_hold_is_told():
    text = "Ada\n\nsaw"
    spans = [(0, 4, "a b"), (3, 5, "X"), (5, 8, "saw:"), (3, 5, "saw:")]
    events = [
        ("saw:", 2, [("who", 1), ("who", 0)]),
        ("None", None, [("who", 0), ("what", 1)]),
        ("saw:", 3, []),
    ]
    row = {
        "text": text,
        "spans": [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans],
        "relations": [{"head": 0, "child": 1, "label": "r"}],
        "events": [
            {
                "type": kind,
                "trigger": trigger,
                "arguments": [{"role": role, "span": span} for role, span in arguments],
            }
            for kind, trigger, arguments in events
        ],
    }
    files, notes = write("brat", row)
    kept = '{"type": "None", "trigger": null, "arguments": [{"role": "who", "span": "T1"}, '
    assert files[".ann"].splitlines() == [
        "T1\ta_b 0 3\tAda",
        "T2\tsaw_ 5 8\tsaw",
        "E1\tsaw_:T2 who:T1",
        f'#1\tAnnotatorNotes T1\tevent {kept}{{"role": "what", "span": null}}]}}',
    ]
    assert notes == (
        "brat has no line breaks at the ends of spans: written without",
        'brat has no spaces and colons in names: "a b" is written "a_b"',
        "brat has no spans of line breaks only: not written, nor what joins them",
        'brat has no spaces and colons in names: "saw:" is written "saw_"',
        "brat has no events without a trigger: written as notes",
    )


def test_an_event_stands_for_its_trigger():
    spans = [{"start": i, "end": i + 1, "label": label} for i, label in enumerate("ABC")]
    events = [
        {"type": "A", "trigger": 0, "arguments": [{"role": "r", "span": 1}]},
        {"type": "B", "trigger": 1, "arguments": []},
    ]
    relations = [{"head": 1, "child": 2, "label": "r"}]
    row = {"text": "abc", "spans": spans, "events": events, "relations": relations}
    assert write("brat", row).value[".ann"].splitlines()[3:] == [
        *("E1\tA:T1 r:E2", "E2\tB:T2", "R1\tr Arg1:E2 Arg2:T3")
    ]


@pytest.mark.parametrize(("tool", "taken"), [("doccano", "entities"), ("prodigy", "answer")])
def test_fields_of_a_name_that_the_tool_uses_are_kept(tool, taken):
    row = {"text": "a", "spans": [], taken: "mine", "meta": {"source": "x"}, "note": 1}
    value = write(tool, row).value
    assert value["meta"] == {"source": "x", taken: "mine"}
    assert value["note"] == 1


def test_one_file_of_many():
    rows = [{"text": "你好\u2028"}, {"text": "b"}]
    lines = "".join(join_written(rows, "lines"))
    assert [json.loads(line) for line in lines.split("\n") if line] == rows
    for some in (rows, rows[:1], []):
        assert json.loads("".join(join_written(some, "array"))) == some


# Texts of any characters but halves of one; spans nest, cross, and share their borders.
NAMES = st.sampled_from(["PER", "X", "组织", "born_in", "a1", "𝒳"])


@st.composite
def records(draw):
    text = draw(st.text(min_size=1, max_size=30) | st.text("ab \n\t你😀\u2028", min_size=1))
    place = st.integers(0, len(text))
    extents = st.tuples(place, place).filter(lambda x: x[0] < x[1])
    chosen = draw(st.lists(st.tuples(extents, NAMES), unique=True, max_size=6))
    ordered = sorted(chosen, key=lambda x: (x[0][0], -x[0][1], x[1]))
    spans = [{"start": s, "end": e, "label": label} for (s, e), label in ordered]
    if draw(st.booleans()):
        spans = [span | {"score": round(1 - i / 10, 6)} for i, span in enumerate(spans)]
    record = {"text": text, "spans": spans}
    if not spans:
        return record
    places = st.integers(0, len(spans) - 1)
    if draw(st.booleans()):
        edges = draw(st.lists(st.tuples(places, places, NAMES), unique=True, max_size=4))
        record["relations"] = [{"head": h, "child": c, "label": label} for h, c, label in edges]
    if draw(st.booleans()):
        arguments = st.lists(st.tuples(NAMES, places), unique=True, max_size=3)
        record["events"] = [
            {
                "type": spans[trigger]["label"],
                "trigger": trigger,
                "arguments": [{"role": role, "span": span} for role, span in own],
            }
            for trigger, own in draw(st.lists(st.tuples(places, arguments), max_size=3))
        ]
    return record


@given(records())
def test_every_tool_takes_every_record(record):
    for tool in TOOLS:
        value, notes = write(tool, record)
        assert json.loads("".join(join_written([value], "array"))) == [value]
        assert all("\n" not in note for note in notes)


@given(records())
def test_tokens_and_their_spaces_are_the_text(record):
    task = write("prodigy", record).value
    tokens = task["tokens"]
    assert "".join(t["text"] + " " * t["ws"] for t in tokens) == record["text"]
    for span in task["spans"]:
        first, last = tokens[span["token_start"]], tokens[span["token_end"]]
        assert first["start"] == span["start"]
        assert span["end"] in (last["end"], last["end"] + last["ws"])


@given(st.text(), st.lists(st.text()))
def test_tokens_of_any_words(text, words):
    tokens = list_tokens(text, words, [])
    assert "".join(t["text"] + " " * t["ws"] for t in tokens) == text
    assert [t["id"] for t in tokens] == list(range(len(tokens)))


def read_brat(value):
    """The spans, relations and events of a file, as brat's annotation.py reads its lines."""
    text, found = value[".txt"], {}
    for line in value[".ann"].splitlines():
        number, rest = line.split("\t", 1)
        if number[0] == "T":
            content, words = rest.split("\t", 1)
            label, where = content.split(" ", 1)
            fragments = [tuple(map(int, pair.split(" "))) for pair in where.split(";")]
            assert words == " ".join(text[start:end] for start, end in fragments)
            found[number] = fragments[0][0], fragments[-1][1], label
        elif number[0] in "RE":
            found[number] = [part.split(":") for part in rest.split(" ")]
    return found


@given(records())
def test_brat_reads_what_is_written(record):
    found = read_brat(write("brat", record).value)
    spans = [span for span in record["spans"] if cut_at_breaks(record["text"], *extent(span))]
    written = [found[number] for number in found if number[0] == "T"]
    assert [label for _, _, label in written] == [span["label"] for span in spans]
    for span, (start, end, _) in zip(spans, written, strict=True):
        outer = record["text"][span["start"] : start], record["text"][end : span["end"]]
        assert all(not part or BREAKS.fullmatch(part) for part in outer)
    named = [word for key in found if key[0] in "RE" for row in found[key] for word in row[1:]]
    assert set(named) <= set(found)


def extent(span):
    return span["start"], span["end"]


def accept(tool, value):
    """What the tool exports after a human has accepted what it was given."""
    if tool == "prodigy":
        return {**value, "answer": "accept"}
    if tool == "label-studio":
        own = [{"id": 1, "result": x["result"]} for x in value.get("predictions", ())]
        return {"id": 1, **value, "annotations": own}
    return value


def read_back(tool, record, folder):
    """The record that a reader of ours makes of what a tool exports."""
    written = write(tool, record).value
    if tool == "brat":
        for suffix, content in written.items():
            (folder / f"a{suffix}").write_bytes(content.encode())
        path = folder / "a.ann"
    else:
        path = folder / "a.json"
        text = "".join(join_written([accept(tool, written)], TOOLS[tool].container))
        path.write_text(text, encoding="utf-8")
    (again,) = read_records(path, format=tool)
    return again


def annotation_of(record):
    """The spans, relations and events of a record, in our own words."""
    spans = [(span["start"], span["end"], span["label"]) for span in record["spans"]]
    relations = {
        (spans[x["head"]], spans[x["child"]], x["label"]) for x in record.get("relations") or ()
    }
    events = {
        (x["type"], spans[x["trigger"]], frozenset((a["role"], spans[a["span"]]) for a in args))
        for x in record.get("events") or ()
        for args in [x["arguments"]]
    }
    return set(spans), relations, events


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_written_is_read(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp(tool)

    @given(records())
    def check(record):
        if tool == "brat":  # what it has no place for, as its notes say
            record["spans"] = record["spans"] if not write(tool, record).notes else []
            record = record if record["spans"] else {"text": record["text"], "spans": []}
        again = read_back(tool, record, folder)
        assert again.text == record["text"]
        spans, relations, events = annotation_of(record)
        assert set(map(tuple, again.spans or ())) == spans
        known = [tuple(span) for span in again.spans or ()]
        edges = {(known[h], known[c], label) for h, c, label in again.relations or ()}
        assert edges == relations
        if tool == "brat":
            read = {
                (kind, known[trigger], frozenset((role, known[at]) for role, at in arguments))
                for kind, trigger, arguments in again.events or ()
            }
            assert read == events

    check()


def test_the_labeling_configuration_of_the_docs_has_the_names_that_are_written():
    page = (ROOT / "docs" / "loop.md").read_text(encoding="utf-8")
    view = ET.fromstring(page[page.index("<View>") : page.index("</View>") + len("</View>")])
    (result,) = write("label-studio", ONLY_SPANS).value["predictions"][0]["result"]
    labels, text = view.find("Labels"), view.find("Text")
    assert (result["from_name"], result["to_name"]) == (labels.get("name"), text.get("name"))
    assert (labels.get("toName"), text.get("value")) == (text.get("name"), "$text")


def test_the_module_names_its_sources():
    folder = ROOT / "spacy_globalpointer" / "corpora" / "writers"
    for name in ("doccano", "label_studio", "prodigy", "brat"):
        assert "Sources: " in (folder / f"{name}.py").read_text(encoding="utf-8")


@given(st.text())
def test_names_have_no_ends_in_them(name):
    written = NO_NAME.sub("_", name)
    assert not any(character.isspace() or character in ":;," for character in written)


@pytest.mark.parametrize("tool", ["doccano", "label-studio", "prodigy"])
@pytest.mark.parametrize("texts", [[""], ["Ada met Bob."], ["", " \n", "Ada met Bob.", ""]])
def test_documents_without_spans_are_read_as_the_same(tmp_path, tool, texts):
    rows = [{"text": text, "spans": [], "relations": []} for text in texts]
    rows += [ONLY_SPANS] if len(texts) > 1 else []
    written = [json.dumps(write(tool, row)[0]) for row in rows]
    path = tmp_path / "x.json"
    path.write_text(f"[{','.join(written)}]" if tool == "label-studio" else "\n".join(written))
    records = list(read_records(path))
    assert [(record.text, len(record.spans)) for record in records] == [
        (row["text"], len(row["spans"])) for row in rows
    ]
