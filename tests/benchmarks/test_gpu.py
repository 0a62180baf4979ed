"""The GPU benchmark, as far as it runs without a GPU."""

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(tmp_path, *options):
    path = tmp_path / "gpu.json"
    script = [sys.executable, "-m", "benchmarks.gpu", "--output", path, *options]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    return done, json.loads(path.read_text(encoding="utf8")) if path.exists() else None


@pytest.mark.nightly
def test_every_part_runs_and_is_in_the_report(tmp_path):
    done, report = run(tmp_path, "--device", "cpu", "--quick")
    assert done.returncode == 0, done.stderr
    parts = report["parts"]
    assert [part.get("error") for part in parts.values()] == [None] * 8
    assert report["device"] == "cpu"
    assert report["versions"]["torch"]
    # Nothing differs from itself, but much from the same in float64.
    head, component = parts["head.compare_with_cpu"], parts["pipeline.compare_with_cpu"]
    assert head["largest"]["gradient_device_cpu"] == head["largest"]["other_spans"] == 0
    assert 0 < head["largest"]["gradient_device_float64"] < 1e-5
    assert component["largest"] == {"loss": 0, "gradients": 0, "other_spans": 0}
    assert all(case["spans"] for case in head["cases"] + component["cases"])
    for ratios in parts["head.time_beside_encoder"]["4 documents x 16 tokens"]["ratio_to"].values():
        assert all(ratio > 0 for ratio in ratios.values())
    trained = [x for x in parts["head.train_in_half_precision"].values() if isinstance(x, dict)]
    assert [x["finite"] and math.isfinite(x["last_loss"]) for x in trained] == [True] * 3
    assert parts["pipeline.measure_words_per_second"]["global_pointer"]["training"] > 0
    assert "not run" in parts["pipeline.train_on_genia"]


def test_a_part_without_time_says_so(tmp_path):
    done, report = run(tmp_path, "--device", "cpu", "--quick", "--seconds", "0")
    assert done.returncode == 0, done.stderr
    assert [set(part) for part in report["parts"].values()] == [{"not run"}] * 8


def test_parts_are_added_to_the_report_that_is_there(tmp_path):
    options = ("--device", "cpu", "--quick", "--seconds", "0", "--parts")
    for name in ("head.count_waits", "pipeline.count_waits"):
        done, report = run(tmp_path, *options, name)
        assert done.returncode == 0, done.stderr
    assert list(report["parts"]) == ["head.count_waits", "pipeline.count_waits"]


def test_a_part_that_fails_keeps_what_it_measured():
    gpu, settings = (importlib.import_module(f"benchmarks.{name}") for name in ("gpu", "gpu_run"))

    def part(run, result):
        result["first"] = 1
        raise ValueError("no second")

    result = gpu.measure(part, 0, settings.Run("cpu", True, math.inf, "", ""))
    assert result["first"] == 1
    assert "ValueError: no second" in result["error"]
