"""The benchmark of main and auxiliary tasks, on a tiny corpus."""

import json

import pytest
import spacy
from spacy.tokens import DocBin

from benchmarks.auxiliary import ALONE, PAIRS, WAYS, list_ways, make_callback, run
from benchmarks.joint import read_docs, train_and_score

SPANS = [(0, 3, "PER"), (13, 16, "GPE")]
ROW = {
    "text": "Ada works in Ulm, Bob too.",
    "spans": [{"start": start, "end": end, "label": label} for start, end, label in SPANS],
    "relations": [{"head": 0, "child": 1, "label": "WORKS_IN"}],
}
TAGS = ["NAME", "VERB", "OTHER", "NAME", "OTHER", "NAME", "OTHER", "OTHER"]


@pytest.fixture
def data(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(ROW) + "\n", encoding="utf8")
    (doc,) = read_docs(rows, spacy.blank("en"))
    for token, tag in zip(doc, TAGS, strict=True):
        token.tag_ = tag
    for split in "train", "dev":
        DocBin(attrs=["TAG"], docs=[doc] * 3, store_user_data=True).to_disk(
            tmp_path / f"{split}.spacy"
        )
    return tmp_path


@pytest.mark.parametrize("pair", PAIRS)
def test_every_way_is_trained_and_scored(pair, data, capsys):
    output = data / "out.json"
    run([str(output), "--data", str(data), "--tasks", pair, "--passes", "2", "--limit", "2"])
    report = json.loads(output.read_text(encoding="utf8"))
    assert report["settings"]["tasks"] == pair
    assert [row["way"] for row in report["results"]] == list_ways(pair)
    for row in report["results"]:
        best = max(step["f"] for step in row["curve"])
        assert row["scores"][f"{PAIRS[pair][1].key}_f"] == best
    assert "project_token, seed 0: " in capsys.readouterr().out


def test_an_auxiliary_component_learns_unless_the_main_one_is_alone(data):
    output = data / "out.json"
    run([str(output), "--data", str(data), "--tasks", "entities:tags", "--passes", "40"])
    rows = json.loads(output.read_text(encoding="utf8"))["results"]
    learned = {row["way"]: row["scores"]["tag_acc"] == 1 for row in rows}
    assert learned == {way: way != ALONE for way in list_ways("entities:tags")}


def test_the_main_task_alone_trains_the_encoder(data):
    seen = []

    def note(nlp):
        make_callback("entities:tags", ALONE)(nlp)
        seen.append((nlp.get_pipe("tok2vec"), nlp.get_pipe("tok2vec").model.to_bytes()))

    system, task = PAIRS["entities:tags"]
    docs = read_docs(data / "train.spacy", spacy.blank("en"))
    settings = {"lang": "en", "passes": 1, "seed": 0, "after_init": note, "log": seen.append}
    train_and_score(task, system, docs, docs, **settings)
    encoder, before = seen[0]
    assert encoder.model.to_bytes() != before


def test_the_plain_sum_has_no_callback():
    made = [make_callback("entities:tags", way) is None for way in WAYS]
    assert made == [True, False, False, False]
