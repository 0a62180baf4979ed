"""What a user should know about the gold that `spacy global-pointer render` shows."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ..labels import list_labels
from .data import Document, Keys


def check_gold(
    documents: Sequence[Document],
    keys: Keys,
    labels: Sequence[str] | None,
    *,
    is_alone: bool,
    required: bool,
) -> list[str]:
    """Say what a user should know about the gold spans.

    labels: of the component that finds spans; None if they are not known.
    is_alone: there is no pipeline.
    required: the prediction is only of use with gold.
    RAISES (ValueError): there are none, though they are required or there is no pipeline.
    """
    golds = [document.spans for document in documents if document.spans is not None]
    joined = [(document.relations, document.events) for document in documents]
    n_related = sum(any(own is not None for own in both) for both in joined)
    notes = []
    if not golds:
        others = sorted({key for document in documents for key in document.doc.spans})
        names = list_labels((other, None) for other in others) or "none"
        what = f"{keys.describe()}, but all groups there are: {names}"
        if (is_alone or required) and not n_related:
            why = "data for --errors-only" if required else "data without a pipeline"
            other = ", or a pipeline before the data: MODEL DATA" if is_alone else ""
            raise ValueError(f"{why} must have gold spans in {what}. To fix: --spans-key{other}")
        kinds = " and ".join(
            what
            for what, own in zip(("relations", "events"), zip(*joined, strict=True), strict=True)
            if any(gold is not None for gold in own)
        )
        if n_related:
            notes.append(f"Only gold spans of {kinds} are shown: the data should have {what}")
        elif others:
            notes.append(f"No gold spans are shown: the data should have {what}")
    elif len(golds) < len(documents):
        n = len(documents) - len(golds)
        group = keys.describe("span group")
        notes.append(f"{n} of {len(documents)} documents have no {group}")
    n_of = Counter(span.label for gold in golds for span in gold)
    rows = [(label, n) for label, n in n_of.most_common() if label not in (labels or n_of)]
    if rows:
        notes.append(
            f"Gold spans of labels that the component does not have: {list_labels(rows)}. "
            f"Its labels are: {list_labels((label, None) for label in labels or ())}"
        )
    return notes


def check_gold_pairs(
    documents: Sequence[Document],
    what: Literal["relations", "events"],
    key: str | None,
    labels: Sequence[str] | None,
    *,
    is_asked: bool,
) -> list[str]:
    """Say what a user should know about the gold relations or events.

    key: of their group; None to show none.
    labels: that the component can find; None if there is none.
    is_asked: the user has named their group.
    RAISES (ValueError): there are none in the group that was named.
    """
    if key is None:
        return []
    all_golds = [getattr(document, what) for document in documents]
    golds = [gold for gold in all_golds if gold is not None]
    if not golds and is_asked:
        docs = (document.doc for document in documents)
        others = {key for doc in docs for key, group in doc.spans.items() if what in group.attrs}
        names = list_labels((other, None) for other in sorted(others)) or "none"
        raise ValueError(
            f"the data must have {what} in the group {key!r}, but all groups with {what} there "
            f"are: {names}. To fix: --{what}-key"
        )
    notes = []
    if 0 < len(golds) < len(documents):
        n = len(documents) - len(golds)
        notes.append(f"{n} of {len(documents)} documents have no {what} in the group {key!r}")
    n_of = Counter(item.label for gold in golds for item in gold)
    rows = [(label, n) for label, n in n_of.most_common() if label not in (labels or n_of)]
    if rows:
        notes.append(
            f"Gold {what} of labels that the component does not have: {list_labels(rows)}. "
            f"Its labels are: {list_labels((label, None) for label in labels or ())}"
        )
    return notes
