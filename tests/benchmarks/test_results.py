"""The tables of a sweep."""

import json

import pytest
from sweeps import make_sweep

from benchmarks import results
from benchmarks.results import make_tables, read_rows


@pytest.fixture
def folder(tmp_path):
    return make_sweep(tmp_path)


def change_ner(folder, right=None, documents=None):
    """Of the result of `ner` its score or the counts of each document."""
    (path,) = folder.glob("one-ner-*.json")
    report = json.loads(path.read_text(encoding="utf8"))
    if right is not None:
        report["results"]["all"].update(right=right, f=right / 10)
    if documents is not None:
        report["results"]["documents"] = documents
    path.write_text(json.dumps(report), encoding="utf8")


@pytest.fixture
def tables(folder):
    return {name: text.splitlines() for name, text in make_tables(read_rows(folder)).items()}


def test_f1_is_the_mean_of_the_seeds_with_its_spread(tables):
    assert tables["f1"] == [
        "| corpus | types | nested | `global_pointer` | `ner` |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| one | 1 | 10% | **70.0 ± 14.1** | 50.0 |",
        "| two |  |  |  | not run |",
    ]
    assert tables["peers"] == tables["f1"]


def test_a_difference_that_is_not_sure_makes_no_best(folder):
    change_ner(folder, documents="10/0/0 3/7/7")  # level with ours in one document of two
    f1 = dict(make_tables(read_rows(folder)))["f1"]
    assert "| 70.0 ± 14.1 | 50.0 |" in f1


def test_a_system_that_has_not_learned_has_no_score(folder):
    change_ner(folder, right=2)
    tables = make_tables(read_rows(folder))
    for name in ("f1", "nested", "difference"):
        assert tables[name].splitlines()[2].endswith("| did not train |")
    for name in ("length", "errors"):
        assert "`ner`" not in tables[name]
    assert "`ner`" in tables["cost"]
    assert "`ner`" in tables["runs"]


def test_nested_spans_have_a_recall_and_f1_where_it_says_something(tables):
    # ner finds no span in another one, and so has no wrong one there.
    assert tables["nested"][2:] == ["| one | 1 | 10% | 50.0 ± 0.0 (66.7) | 50.0 |"]


def test_a_tuned_threshold_stands_beside_that_of_the_config(tables):
    # Systems without a threshold are left out, as are runs of before it was tuned.
    assert tables["tuned"] == [
        "| corpus | `global_pointer` |",
        "| --- | ---: |",
        "| one | 70.0 → 73.0 |",
    ]


def test_differences_are_those_of_the_mean_counts(tables):
    # All documents are alike: no other draw of them gives another difference.
    assert tables["difference"] == [
        "| corpus | `ner` |",
        "| --- | ---: |",
        "| one | +20.0 (+20.0 to +20.0) |",
    ]


def test_lengths_errors_costs_and_runs(tables):
    assert tables["length"][0].split(" | ")[2:5] == ["1", "2", "3"]
    assert tables["length"][0].endswith("| 4 to 5 | 6 to 9 | 10+ |")
    assert tables["length"][2] == "| one | `global_pointer` | 70.0 |  |  |  |  |  |"
    assert tables["errors"][2] == "| one | `global_pointer` | 0 | 0 | 6 | 6 | 0 |"
    assert tables["cost"][2] == "| one | `global_pointer` | 1,000 | 5,000 | 100 MiB |"
    assert tables["runs"][3] == (
        "| one | `global_pointer` | 1 | 1 | 1 | 60.0 | 60.0 | 60.0 | 3 | `abc` |"
    )


def test_rows_are_told_apart_by_limit_and_encoder():
    names = [
        results.Row("a", limit, pretrained, {}, {}, {}).name()
        for limit in (None, 4000)
        for pretrained in (False, True)
    ]
    assert names == ["a", "a, pretrained", "a, first 4,000", "a, first 4,000, pretrained"]


def test_a_system_alone_is_not_the_best(folder):
    for path in folder.glob("one-ner-*.json"):
        path.unlink()
    tables = {name: text.splitlines() for name, text in make_tables(read_rows(folder)).items()}
    assert tables["f1"][2] == "| one | 1 | 10% | 70.0 ± 14.1 | not run |"
    assert len(tables["difference"]) == 2


def test_a_result_that_no_run_of_the_sweep_has_is_named(folder):
    (folder / "one-ner-0-00000000.json").write_text("{}", encoding="utf8")
    with pytest.raises(ValueError, match=r"with their present configs, were: one-ner-0-00000000\."):
        read_rows(folder)


def test_nothing_run_gives_tables_too(folder):
    for path in folder.glob("one-*.json"):
        path.unlink()
    assert "not run" in make_tables(read_rows(folder))["f1"]
