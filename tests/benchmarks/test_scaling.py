"""The benchmark of growing labels, tokens and documents."""

import json

import pytest

from benchmarks import scaling
from benchmarks.scaling import STEPS, Size, measure_scaling, prepare_step


@pytest.mark.parametrize("size", [Size(2, 40, 3), Size(1, 40, 3, 12)])
@pytest.mark.parametrize("step", STEPS)
def test_steps_run(step, size, monkeypatch):
    monkeypatch.setattr(scaling, "TRAINED_DOCUMENTS", 5)
    prepare_step(step, size, 0)()


def test_the_pipeline_predicts_one_document_of_that_size(monkeypatch):
    monkeypatch.setattr(scaling, "TRAINED_DOCUMENTS", 5)
    doc = prepare_step("pipeline", Size(1, 300, 5, 12), 0)()
    assert len(doc) == 300
    assert all(len(span) <= 12 for span in doc.spans["sc"])


@pytest.mark.parametrize("max_length", [None, 16])
def test_decode_finds_spans(max_length):
    found = prepare_step("decode", Size(2, 64, 3, max_length), 0)()
    assert 8 <= len(found.score) < 100


def test_report(tmp_path, monkeypatch):
    path = tmp_path / "scaling.json"
    monkeypatch.setattr(scaling, "TRAINED_DOCUMENTS", 5)
    axes = {"labels": [Size(1, 16, 1), Size(1, 16, 5)], "text": [Size(1, 32, 5, 12)]}
    measure_scaling(path, axes=axes, repeats=1, memory=False, log=lambda line: None)
    results = json.loads(path.read_text(encoding="utf8"))["results"]
    assert [result["step"] for result in results] == [
        *(("head", "loss", "products", "decode") * 2),
        "pipeline",
        "encoder",
    ]
    assert results[-1]["axis"] == "text"
    assert results[-1]["max_length"] == 12
    assert all(result["seconds"]["median"] > 0 for result in results)
