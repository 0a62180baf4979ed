import pytest

from spacy_globalpointer.messages import (
    MOST_CHARACTERS,
    MOST_LINES,
    excerpt,
    fit_screen,
    list_some,
    quote,
    shorten,
)


def test_a_value_is_shown_in_part():
    assert shorten("a" * 80) == "a" * 80
    assert shorten("a" * 81) == "a" * 77 + "..."
    assert (
        shorten([1] * 1000)
        == "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1..."
    )


def test_a_string_in_quotes_is_whole_or_cut_inside_of_them():
    assert quote("a\nb") == "'a\\nb'"
    assert quote("a" * 1000) == f"'{'a' * 77}...'"
    assert quote(7) == "7"


def test_half_a_character_can_be_printed():
    assert shorten("a\udc80").encode() == b"a\\udc80"
    assert quote("a\udc80").encode() == b"'a\\udc80'"


def test_the_first_items_are_listed():
    assert list_some(["a", 1]) == "a, 1"
    assert list_some(range(9), 2) == "0, 1 and 7 more"


def test_an_excerpt_is_short_and_on_one_line():
    text = "x" * 40 + "\n" + "y" * 80 + "\t" + "z" * 40
    shown = excerpt(text, 41, 121)
    assert shown == f"...{'x' * 23} [{'y' * 24}...{'y' * 24}] {'z' * 23}..."
    assert excerpt("ab", 0, 1) == "[a]b"


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
