"""Time and memory of alternatives."""

import json
import time

import pytest

from benchmarks.measure import extra_memory, interleave, ready, save, summary


def make_block(mib):
    """A step that holds so much memory for a moment."""
    return lambda: len(b"x" * (mib * 2**20))


def test_cases_take_turns_and_the_first_round_does_not_count():
    calls = []

    def case(name):
        def prepare():
            calls.append(f"prepare {name}")
            return lambda: calls.append(name)

        return prepare

    seconds = interleave({"a": case("a"), "b": case("b")}, repeats=2, least_seconds=0)
    assert calls == ["prepare a", "a", "prepare b", "b"] * 3
    assert {name: len(samples) for name, samples in seconds.items()} == {"a": 2, "b": 2}


def test_a_sample_is_the_time_of_one_step():
    steps = {"short": lambda: time.sleep(0.002), "long": lambda: time.sleep(0.02)}
    cases = {name: ready(step) for name, step in steps.items()}
    seconds = interleave(cases, repeats=1, least_seconds=0.01)
    assert 0.002 <= seconds["short"][0]
    assert 0.02 <= seconds["long"][0]


def test_summary_keeps_median_and_spread():
    assert summary([3.0, 1.0, 2.0]) == {
        "median": 2.0,
        "low": 1.0,
        "high": 3.0,
        "samples": [3.0, 1.0, 2.0],
    }


def test_memory_is_what_the_step_takes_beyond_what_is_held():
    assert extra_memory(make_block, 64) == pytest.approx(64, abs=8)
    # A smaller step after a larger one: a process of its own has no memory of it.
    assert extra_memory(make_block, 16) == pytest.approx(16, abs=8)


def test_a_report_says_on_what_it_was_measured(tmp_path):
    path = tmp_path / "new" / "report.json"
    save(path, "name", {"seed": 0}, [{"x": 1}])
    report = json.loads(path.read_text(encoding="utf8"))
    assert report["benchmark"] == "name"
    assert report["settings"] == {"seed": 0}
    assert report["results"] == [{"x": 1}]
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["torch"]
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]
