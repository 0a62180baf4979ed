"""Messages that fit on a screen, whatever data and names they quote."""

# Characters, and lines: a terminal has 80 x 24.
MOST_CHARACTERS, MOST_LINES = 1500, 20


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
