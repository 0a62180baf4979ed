"""The longest span that is looked at, and what is said of texts and documents beyond a limit."""

from collections.abc import Sequence
from typing import Any, cast

from spacy.tokens import Doc
from thinc.api import Model

from .settings import AUTO

# A text is far longer than the training texts if it is this many times as long as the longest.
FAR = 2
# Without max_length, a text of this many tokens has 200 million spans, which take seconds.
SQUARE = 20_000


def longest_span(model: Model, cfg: dict[str, Any]) -> int | None:
    """Longest span in tokens that a component with these settings learns and finds.

    RETURNS: None for no limit, as for "auto" before any training.
    """
    if cfg["max_length"] == AUTO:
        return cast(int | None, model.attrs["max_length"])
    return cast(int | None, cfg["max_length"])


def with_margin(longest: int) -> int:
    """Bound on the length of spans if the longest known span has this many tokens."""
    return longest + max(4, longest // 2)


def describe_length(
    name: str, docs: Sequence[Doc], max_length: int | None, longest_text: int | None
) -> tuple[str, str]:
    """Say that texts are too long for a model without max_length.

    name: of the component.
    max_length (tokens): longest span.
    longest_text (tokens): of the training; None if not known, or if this is training.
    RETURNS: what it is about, and the message, which is empty if there is nothing to say.
    """
    longest = max(map(len, docs), default=0)
    if max_length is not None:
        return "", ""
    if longest >= SQUARE:
        return "square", (
            f"'{name}' scores all spans of a text, and one of {longest} tokens has "
            f"{longest**2 / 2:.1e}, as max_length is null: the time grows with the square of the "
            'length, and may be minutes. To fix: set max_length = "auto", or a number of tokens, '
            "or cut the text"
        )
    return "long", describe_long(name, docs, longest_text) if longest_text else ""


def describe_long(name: str, docs: Sequence[Doc], longest_text: int) -> str:
    """Say that texts are far longer than the training texts, for a model without max_length.

    name: of the component.
    longest_text (tokens): of the training.
    RETURNS: empty if none is.
    """
    long = [doc for doc in docs if len(doc) > FAR * longest_text]
    if not long:
        return ""
    return (
        f"'{name}' was trained on texts of up to {longest_text} tokens, and {len(long)} of "
        f"{len(docs)} documents are far longer, such as {long[0].text[:60]!r} with {len(long[0])}. "
        "Without max_length, it may find spans there that are longer than any training text. "
        'To fix: set max_length = "auto", or a number of tokens, in training and prediction'
    )


def describe_full(name: str, doc: Doc, most: int) -> str:
    """Say that a document has more spans than allowed.

    name: of the component.
    most (spans): what max_spans allows.
    """
    return (
        f"'{name}' kept only the best {most} spans of the document {doc.text[:60]!r}: more reach "
        "the threshold than max_spans allows. To fix: raise the threshold, or max_spans"
    )


def describe_crowded(name: str, docs: Sequence[Doc], crowded: Sequence[Doc]) -> str:
    """Say that documents have more candidates than the rescorer looks at.

    name: of the component.
    docs: that were predicted.
    crowded: those of them with too many.
    """
    return (
        f"'{name}': {len(crowded)} of {len(docs)} documents have more spans in question than the "
        f"rescorer looks at, such as {crowded[0].text[:60]!r}; the others keep their first scores. "
        f"To fix: raise per_token or threshold in [components.{name}.model.rescorer]"
    )
