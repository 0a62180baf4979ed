"""The benchmark of heads: all systems but the default compute the same loss, of the same head."""

import json

import pytest
import torch

from benchmarks.heads import SYSTEMS, measure_heads, prepare_step
from benchmarks.sparse_loss import LOSS_FORMS, SCORES, derive_loss

SHAPE = (2, 24, 3)


def test_others_compute_the_same_loss():
    losses = {name: float(prepare_step(name, SHAPE, 32, 0)()) for name in SYSTEMS}
    dense = losses["zlpr_dense"]
    assert losses["per_document"] == pytest.approx(dense, rel=1e-5)
    assert losses["bert4torch_dense"] == pytest.approx(dense, rel=1e-5)
    # It leaves out the cell that it uses for padding.
    assert losses["bert4torch_sparse"] == pytest.approx(dense, rel=1e-2)


def test_a_step_derives_the_hidden_states_and_the_weights(monkeypatch):
    asked = []
    grad = torch.autograd.grad
    monkeypatch.setattr(
        torch.autograd, "grad", lambda value, inputs: asked.append(inputs) or grad(value, inputs)
    )
    prepare_step("global_pointer", SHAPE, 32, 0)()
    shapes = [tuple(tensor.shape) for tensor in asked[0]]
    assert shapes == [(2, 24, 32), (128, 32), (128,), (6, 128), (6,)]


def test_report(tmp_path):
    path = tmp_path / "heads.json"
    measure_heads(path, shapes=[SHAPE], repeats=2, hidden=32, memory=False, log=lambda line: None)
    results = json.loads(path.read_text(encoding="utf8"))["results"]
    assert [step["system"] for step in results["steps"]] == list(SYSTEMS)
    for step in results["steps"]:
        assert (step["documents"], step["tokens"], step["labels"]) == SHAPE
        assert len(step["seconds"]["samples"]) == 2
        assert step["seconds"]["low"] > 0
    assert [curve["form"] for curve in results["sparse_loss"]] == list(LOSS_FORMS)


def test_the_clipped_loss_pushes_certain_gold_spans_down_and_ours_never_does():
    curves = {form: derive_loss(form) for form in LOSS_FORMS}
    ours = curves.pop("global_pointer")
    assert max(ours["gradient"]) < 0 < min(ours["loss"])
    first = {}
    for form, curve in curves.items():
        at_zero = SCORES.index(0.0)
        if form != "clipped at 0.1":
            assert curve["loss"][at_zero] == pytest.approx(ours["loss"][at_zero], rel=1e-3)
        wrong = (s for s, g in zip(SCORES, curve["gradient"], strict=True) if g > 0)
        first[form] = next(wrong)
    # Published measurements have 16, 12 and 3 for a slightly different table.
    assert first["clipped at 1e-07"] <= 16
    assert first["clipped at 1e-05"] <= 12
    assert first["clipped at 0.1"] <= 3
    assert min(curves["clipped at 1e-07"]["loss"]) < 0
