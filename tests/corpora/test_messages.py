import pytest

from spacy_globalpointer.corpora.messages import MOST_CHARACTERS, MOST_LINES, fit_screen


def test_a_short_message_is_kept():
    for message in ("", "a rule, was: x. Repair it", "a\nb\n", "x" * MOST_CHARACTERS):
        assert fit_screen(message) == message


@pytest.mark.parametrize("value", ["x" * 360_084, "\n" * 360_084, "年\n" * 5_000])
def test_a_long_message_keeps_its_rule_and_its_repair(value):
    short = fit_screen(f"a label must be short, was: {value}. Cut it")
    assert len(short) < MOST_CHARACTERS + 50
    assert len(short.splitlines()) <= MOST_LINES
    assert short.startswith("a label must be short, was: ")
    assert short.endswith(". Cut it")
