"""`convert` on rows of every JSON format: all that is marked is counted, whatever the rest is."""

import json

import pytest
import spacy
from fuzz_seeds import rows_of
from fuzzing import JSON, LABELS, TEXTS, cases, refuse_unclear
from hypothesis import given
from hypothesis import strategies as st
from json_samples import ROWS
from spacy.tokens import DocBin

from spacy_globalpointer.commands import convert as command

NLP = spacy.blank("en")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "make_blank", lambda lang: NLP)
        yield tmp_path_factory.mktemp("rows")


def convert(folder, rows, name, **options):
    """What `convert` says of a file with the rows, or the error."""
    path = folder / name
    lines = [json.dumps(row) for row in rows]
    path.write_text(f"[{', '.join(lines)}]" if name.endswith(".json") else "\n".join(lines))
    try:
        return command.convert([path], folder / "out.spacy", **options)
    except (ValueError, OSError) as error:
        refuse_unclear(error, str(path))
        return error


def mark(text, spans):
    """One row of each format that can hold any spans of a text."""
    regions = [
        {
            "id": str(i),
            "type": "labels",
            "to_name": "text",
            "value": {"start": start, "end": end, "text": text[start:end], "labels": [label]},
        }
        for i, (start, end, label) in enumerate(spans)
    ]
    mentions = [{"start_idx": s, "end_idx": e, "type": x, "entity": text[s:e]} for s, e, x in spans]
    offsets = [{"start": s, "end": e, "label": label} for s, e, label in spans]
    return {
        "jsonl": {"text": text, "spans": offsets},
        "doccano": {"text": text, "label": [list(span) for span in spans]},
        "label-studio": {"data": {"text": text}, "annotations": [{"result": regions}]},
        "prodigy": {"text": text, "spans": offsets, "answer": "accept"},
        "spacy2": [text, {"entities": [list(span) for span in spans]}],
        "cmeee": {"text": text, "entities": mentions},
    }


@cases(2500)
@given(st.data())
def test_each_marked_span_is_counted_once(folder, data):
    text = data.draw(TEXTS.filter(len))
    place = st.integers(0, len(text))
    drawn = data.draw(st.lists(st.tuples(place, place, LABELS), min_size=1, max_size=5))
    spans = [(min(a, b), max(a, b), label) for a, b, label in drawn if a != b]
    rows = mark(text, spans)
    if not all(text[a:b].strip() for a, b, _ in spans):
        del rows["cmeee"]  # whose ends the mentions tell
    format = data.draw(st.sampled_from([*rows]))
    alignment = data.draw(st.sampled_from(["skip", "expand"]))
    name = data.draw(st.sampled_from(["x.jsonl", "x.json"]))
    report = convert(folder, [rows[format]], name, format=format, alignment=alignment)
    if isinstance(report, ValueError):
        assert f"but all {len(spans)} were left out" in str(report)
        return
    assert report.outcomes.total() == len(spans)
    (doc,) = DocBin().from_disk(folder / "out.spacy").get_docs(NLP.vocab)
    n_lost = sum(report.count(outcome) for outcome in ("skipped", "duplicate"))
    assert len(doc.spans["sc"]) == len(spans) - n_lost
    if alignment == "skip":  # what is kept says what was marked
        marked = {(text[a:b].strip(), label.strip()) for a, b, label in spans}
        assert {(span.text, span.label_) for span in doc.spans["sc"]} <= marked


def list_paths(value, path=()):
    """Ways to all values inside of a value."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield from list_paths(inner, (*path, key))


def change(value, path, new):
    """A copy of the value with another one in it; None removes it."""
    value = json.loads(json.dumps(value))
    if not path:
        return value if new is None else new
    *way, last = path
    inner = value
    for key in way:
        inner = inner[key]
    if new is None:
        del inner[last]
    else:
        inner[last] = new
    return value


@cases(4000)
@given(st.data())
def test_rows_with_anything_in_any_place(folder, data):
    format = data.draw(st.sampled_from([*ROWS]))
    row = data.draw(st.sampled_from(rows_of(format)))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([*list_paths(row)]))
        row = change(row, path, data.draw(st.none() | JSON))
    others = data.draw(st.sampled_from([[], rows_of(format)[:1]]))
    own = data.draw(st.sampled_from([format, "auto"]))
    name = data.draw(st.sampled_from(["x.jsonl", "x.json"]))
    report = convert(folder, [row, *others], name, format=own)
    if not isinstance(report, Exception):
        docs = list(DocBin().from_disk(folder / "out.spacy").get_docs(NLP.vocab))
        assert report.n_docs == len(docs)
        n_lost = sum(report.count(outcome) for outcome in ("skipped", "duplicate"))
        n_kept = sum(len(doc.spans.get("sc", ())) for doc in docs)
        assert n_kept == report.outcomes.total() - n_lost
