"""How settings that name labels spell them, so that they survive in a config.

spaCy doubles each `$` when it writes a config and reads it again, and takes `${` for the start of a
variable. So a `$` may be written `\\u0024` (and a backslash beside it `\\u005c`), and a label is
still found if its `$` were doubled.
"""

import re
from collections.abc import Sequence

DOLLAR, BACKSLASH = r"\u0024", r"\u005c"


def spell_label(label: str, labels: Sequence[str]) -> str:
    """Spell a label for a config.

    labels: of the component.
    RAISES (ValueError): a label that would be mistaken for another one.
    """
    text = label.replace("\\", BACKSLASH).replace("$", DOLLAR) if "$" in label else label
    if find_label(text, labels) != label:
        raise ValueError(
            f"a label with its own threshold must not be spelt like another label, was: {label!r}. "
            f"In a config both become {text!r}. To fix: rename one of them"
        )
    return text


def find_label(text: str, labels: Sequence[str]) -> str | None:
    """Find the label that a text in a config means.

    labels: of the component.
    RETURNS: None if there is none, or several that differ only in how many `$` they have.
    """
    if "$" not in text:
        plain = text.replace(DOLLAR, "$").replace(BACKSLASH, "\\")
        return next((label for label in (text, plain) if label in labels), None)
    alike = [label for label in labels if _undouble(label) == _undouble(text)]
    return alike[0] if len(alike) == 1 else None


def is_named(label: str, texts: Sequence[str]) -> bool:
    """Whether a list in a config has a label, however it is spelt there."""
    return label in texts or ("$" in label and any(find_label(x, [label]) for x in texts))


def _undouble(text: str) -> str:
    return re.sub(r"\$+", "$", text)
