"""Tables in Markdown, and the pages that hold them."""

from pathlib import Path

import pytest

from benchmarks.joint_tables import make_joint_tables
from benchmarks.markdown import fill_page, make_rows
from benchmarks.option_tables import make_option_table
from benchmarks.results import TABLES, make_tables, read_rows
from benchmarks.tables import make_table, read_reports

ROOT = Path(__file__).parents[2]


def test_rows():
    table = make_rows(["a", "b", "c"], [["1", "2", "3"]])
    assert table == "| a | b | c |\n| --- | ---: | ---: |\n| 1 | 2 | 3 |\n"


def test_only_what_is_between_the_marks_is_replaced():
    page = "one\n<!-- BENCH heads -->\nold\n<!-- /BENCH heads -->\ntwo\n"
    filled = fill_page(page, {"heads": "new\n"})
    assert filled == "one\n<!-- BENCH heads -->\n\nnew\n\n<!-- /BENCH heads -->\ntwo\n"
    assert fill_page(filled, {"heads": "new\n"}) == filled
    assert fill_page(page + page, {"heads": "new\n"}) == filled + filled


def test_marks_must_have_a_table_and_an_end():
    with pytest.raises(ValueError, match="must name a table, was: 'heads'"):
        fill_page("<!-- BENCH heads -->\n<!-- /BENCH heads -->\n", {})
    with pytest.raises(ValueError, match="must have an end"):
        fill_page("<!-- BENCH heads -->\n", {"heads": ""})
    # The text between the two would be lost if the first took the end of the second.
    page = "<!-- BENCH heads -->\nkeep\n<!-- BENCH heads -->\n<!-- /BENCH heads -->\n"
    with pytest.raises(ValueError, match="must have an end"):
        fill_page(page, {"heads": ""})


def test_the_pages_show_the_committed_results():
    reports = read_reports(ROOT / "docs" / "bench")
    training = {"distillation", "forgetting", "many_labels"}
    training |= {"label_transfer", "label_transfer_minilm"}
    training |= {"label_sets_split", "label_sets_corpora", "auxiliary_tags", "auxiliary_relations"}
    assert set(reports) == {"heads", "pipeline", "scaling", "joined", "oracle", *training}
    tables = {name: make_table(report) for name, report in reports.items()}
    tables.update(make_tables(read_rows(ROOT / "docs" / "results")))
    for name in ("relations", "events"):
        tables.update(make_joint_tables(ROOT / "docs" / "results" / name, name))
    tables["options"] = make_option_table(ROOT / "docs" / "results" / "options")
    shown = {
        "docs/training.md": ["options", *training],
        "README.md": ["pipeline", "peers"],
        "README.zh.md": ["pipeline", "peers"],
        "docs/speed.md": ["heads", "scaling"],
        "docs/results.md": [*TABLES.keys() - {"peers"}, "joined"],
        "docs/relations.md": ["relations", "relation_cost"],
        "docs/events.md": ["oracle", "events", "event_cost"],
    }
    for name, marks in shown.items():
        page = (ROOT / name).read_text(encoding="utf8")
        assert all(f"<!-- BENCH {mark} -->" in page for mark in marks)
        assert fill_page(page, tables) == page
