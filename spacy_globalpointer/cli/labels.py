"""Labels as tables show them: on one line, and none so long that it hides the numbers."""

# Characters of a label; reports in JSON have all.
MOST = 40


def show_label(label: str) -> str:
    """A label on one line, cut if it is long."""
    text = " ".join(label.split()) or "(empty label)"
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."
