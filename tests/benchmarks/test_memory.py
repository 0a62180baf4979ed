import json

import pytest

from benchmarks import memory
from benchmarks.memory import Case, measure_memory, prepare_case


@pytest.mark.parametrize(
    "case",
    [
        Case("update", "efficient+rescorer", 2, 20, 3),
        Case("stream", "relations", 4, 20, 3, 4),
    ],
)
def test_cases_run(case):
    prepare_case(case)()


def test_report(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "memory_and_seconds", lambda prepare, case, seed: (1.5, 0.25))
    cases = [Case("update", "efficient", 1, 20, 3), Case("predict", "events", 1, 20, 3, 4)]
    measure_memory(tmp_path / "memory.json", cases=cases, log=str)
    results = json.loads((tmp_path / "memory.json").read_text(encoding="utf8"))["results"]
    assert [(x["step"], x["mib"], x["cpu_seconds"]) for x in results] == [
        ("update", 1.5, 0.25),
        ("predict", 1.5, 0.25),
    ]
