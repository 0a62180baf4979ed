"""What messages show of data: short, and printable; and messages that fit on a screen."""

from collections.abc import Collection
from itertools import islice
from typing import Any

# A repair that many settings share.
BY_DEFAULT = "To fix: leave it out for the default"
# Characters that are shown before and after a span.
AROUND = 24

# Characters, and lines: a terminal has 80 x 24.
MOST_CHARACTERS, MOST_LINES = 1500, 20


def shorten(value: Any, most: int = 80) -> str:
    """What a message shows of a value, at most so many characters of it.

    value: a string is shown as it is, anything else as Python writes it.
    most (characters): of what is shown.
    """
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= most else f"{text[: most - 3]}..."
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # half a character


def quote(value: Any, most: int = 80) -> str:
    """The same of a value as Python writes it: a string in quotes, without line breaks."""
    if isinstance(value, str) and len(value) > most:
        value = f"{value[: most - 3]}..."
    return shorten(repr(value), most + 20)


def list_some(items: Collection[Any], most: int = 5) -> str:
    """The first items, each short, and how many more there are."""
    shown = ", ".join(shorten(str(item)) for item in islice(items, most))
    return f"{shown} and {len(items) - most:,} more" if len(items) > most else shown


def excerpt(text: str, start: int, end: int) -> str:
    """Show a span in brackets, in the text around it, on one line.

    start, end (characters): of the span.
    """
    before, inner, after = text[max(0, start - AROUND) : start], text[start:end], text[end:]
    if len(inner) > 2 * AROUND:
        inner = f"{inner[:AROUND]}...{inner[-AROUND:]}"
    dots = "..." if start > AROUND else "", "..." if len(after) > AROUND else ""
    return "".join(
        " " if character.isspace() else character
        for character in f"{dots[0]}{before}[{inner}]{after[:AROUND]}{dots[1]}"
    )


def fit_screen(message: str) -> str:
    """A message without its middle if it is long: rules stand at the start, repairs at the end.

    RETURNS: at most MOST_LINES lines, and little more than MOST_CHARACTERS characters.
    """
    if len(message) > MOST_CHARACTERS:
        head, tail = 2 * MOST_CHARACTERS // 3, MOST_CHARACTERS // 3
        gap = f" ... ({len(message) - head - tail:,} characters) ... "
        message = message[:head] + gap + message[-tail:]
    lines = message.splitlines()
    if len(lines) > MOST_LINES:
        head, tail = 2 * MOST_LINES // 3, MOST_LINES // 3 - 1
        gap = f"... ({len(lines) - head - tail} lines) ..."
        message = "\n".join([*lines[:head], gap, *lines[-tail:]])
    return message
