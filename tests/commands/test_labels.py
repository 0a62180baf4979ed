"""Labels that would break a table."""

import pytest
from wasabi.printer import Printer

from spacy_globalpointer.commands.evaluate.report import print_evaluation
from spacy_globalpointer.commands.labels import MOST, MOST_LISTED, list_labels, show_label


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("ORG", "ORG"),
        ("<b>北京</b>", "<b>北京</b>"),
        ("two\nlines\tand tabs", "two lines and tabs"),
        ("", "(empty label)"),
        ("PER\u200b", r"PER\u200b"),
        ("\x1b[31mORG\0", r"\x1b[31mORG\x00"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 37 + "..."),
    ],
)
def test_labels_are_short_and_on_one_line(label, shown):
    assert show_label(label) == shown
    assert len(shown) <= MOST


@pytest.mark.parametrize(("n", "more"), [(1, ""), (MOST_LISTED, ""), (1021, " and 1,001 more")])
def test_a_message_has_a_few_labels(n, more):
    listed = list_labels((f"L{i}", i) for i in range(n))
    assert listed == ", ".join(f"L{i} {i}" for i in range(min(n, MOST_LISTED))) + more
    assert list_labels([("A", None), ("B" * 50, 2)]) == "A, " + "B" * 37 + "... 2"


def test_a_long_label_hides_no_number(capsys):
    counts = {"p": 0.5, "r": 0.5, "f": 0.5, "right": 1, "wrong": 1, "missed": 1}
    report = {
        "notes": [],
        "documents": 1,
        "threshold": 0.5,
        "lengths": {},
        "errors": {},
        "spans": dict.fromkeys(("exact", "boundary", "nested", "flat"), counts),
        "labels": {"L" * 300: counts, "a\nb": counts},
        "confusion": [{"gold": "L" * 300, "predicted": "a\nb", "spans": 3}],
        "calibration": {"bins": [], "ece": None, "ece_of_found": None},
    }
    print_evaluation(Printer(), report)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.split()[:4] == ["a", "b", "50.00", "50.00"] for line in lines) == 1
