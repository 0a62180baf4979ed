"""Tables from reports."""

import json

import pytest

from benchmarks.tables import make_table, read_reports

TIMES = {"median": 0.002, "low": 0.001, "high": 0.003, "samples": [0.001, 0.002, 0.003]}


def report(benchmark, results):
    return {
        "benchmark": benchmark,
        "machine": {"system": "Linux", "cpu": "Z80", "cores": 2, "threads": 1},
        "versions": {"torch": "2.0", "spacy": "3.8"},
        "settings": {"repeats": 3},
        "results": results,
    }


def step(system, factor, **more):
    sizes = {"documents": 8, "tokens": 1256, "labels": 10}
    times = {name: factor * TIMES[name] for name in ("median", "low", "high")}
    return {**sizes, "system": system, "seconds": times, "mib": 10.0 * factor, **more}


HEADS = report(
    "heads",
    {
        "steps": [
            step("global_pointer", 1),
            step("per_document", 0.94),
            step("zlpr_dense", 3.04),
            step("bert4torch_dense", 1234),
            step("bert4torch_sparse", 12.6),
        ],
        "sparse_loss": [],
    },
)


def test_heads():
    assert make_table(HEADS) == (
        "Z80, 1 thread, torch 2.0, spaCy 3.8; medians of 3 rounds in which all take turns. "
        "Ratios carry over to other machines, times do not.\n\n"
        "| documents × tokens × labels | `global_pointer` | per document "
        "| `zlpr_dense` | bert4torch, dense "
        "| bert4torch, sparse | memory | memory of bert4torch, dense |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 8 × 1,256 × 10 | 2.0 ms | 0.9x | 3.0x | 1,234x | 13x | 10 MiB | 1,234x |\n"
    )


def test_pipeline_speed_is_relative_to_ours():
    rows = [
        {"corpus": "a", "labels": 5, "system": system, "words": 1000}
        | {"train": {"median": train}, "predict": {"median": predict}}
        for system, train, predict in (("global_pointer", 0.1, 0.05), ("ner", 0.2, 0.04))
    ]
    lines = make_table(report("pipeline", rows)).splitlines()
    assert lines[4] == "| a, 5 labels | `global_pointer` | 10,000 (1.00x) | 20,000 (1.00x) |"
    assert lines[5] == "| a, 5 labels | `ner` | 5,000 (0.50x) | 25,000 (1.25x) |"


def test_scaling():
    rows = [
        step(None, factor, axis="labels", step=name, labels=labels, max_length=None)
        for labels in (1, 1000)
        for name, factor in (("head", labels), ("products", 0.5))
    ]
    rows += [
        step(None, factor, axis="tokens", step="head", tokens=64, max_length=limit)
        for limit, factor in ((None, 8), (64, 4))
    ]
    rows += [
        step(None, factor, axis="text", step=name, tokens=1000, max_length=64)
        for name, factor in (("pipeline", 5), ("encoder", 4))
    ]
    lines = make_table(report("scaling", rows)).splitlines()
    assert lines[4:6] == [
        "| 1 | 2.0 ms | 1.0 ms | 2.0x | 10 MiB |",
        "| 1,000 | 2000.0 ms | 1.0 ms | 2,000x | 10,000 MiB |",
    ]
    assert lines[9] == "| 64 | 250.0 | 80 MiB | 125.0 | 40 MiB |"
    assert lines[13] == "| 1,000 | 100,000 | 125,000 | 50 MiB | 40 MiB |"


def test_one_round_is_one_round():
    report = {**HEADS, "settings": {"repeats": 1}}
    assert "medians of 1 round in which" in make_table(report)


@pytest.mark.parametrize("text", ["{", "[]", '{"benchmark": "other"}', "{}"])
def test_a_file_that_is_no_report_is_named(tmp_path, text):
    (tmp_path / "other.json").write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=r"a report must be .*other\.json"):
        read_reports(tmp_path)


def test_reports_have_the_names_of_their_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(HEADS), encoding="utf8")
    assert read_reports(tmp_path) == {"a": HEADS, "b": HEADS}
