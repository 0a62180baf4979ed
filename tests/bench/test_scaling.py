"""The benchmark of growing labels, tokens and documents."""

import json

import pytest

from spacy_globalpointer.bench.scaling import STEPS, Size, measure_scaling, prepare_step


@pytest.mark.parametrize("size", [Size(2, 40, 3), Size(1, 40, 3, 8)])
@pytest.mark.parametrize("step", STEPS)
def test_steps_run(step, size):
    prepare_step(step, size, 0)()


@pytest.mark.parametrize("max_length", [None, 16])
def test_decode_finds_spans(max_length):
    found = prepare_step("decode", Size(2, 64, 3, max_length), 0)()
    assert 8 <= len(found.score) < 100


def test_report(tmp_path):
    path = tmp_path / "scaling.json"
    axes = {"labels": [Size(1, 16, 1), Size(1, 16, 5)], "tokens": [Size(1, 32, 2, 8)]}
    measure_scaling(path, axes=axes, text=[], repeats=1, memory=False, log=lambda line: None)
    results = json.loads(path.read_text(encoding="utf8"))["results"]
    assert len(results) == 3 * len(STEPS)
    assert results[-1]["axis"] == "tokens"
    assert results[-1]["max_length"] == 8
    assert all(result["seconds"]["median"] > 0 for result in results)
