"""What is wrong with annotated relations or events alike."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ...messages import shorten
from ...pipeline.pair_settings import name_sources
from .case import Advice, Finding, PairCase
from .pair_statistics import OUTSIDE

SPANS_OF = {"relations": "arguments", "events": "triggers and arguments"}


def find_missing(case: PairCase) -> Iterator[Finding]:
    """Texts without gold, with gold that was lost, or that cannot be read."""
    what = case.what
    for name, split in case.splits.items():
        n = case.n_documents[name]
        if split.n_faults:
            text = f"{what.title()} of {split.n_faults} documents of {name} cannot be read, and "
            yield Finding("groups", "error", f"{text}training stops at the first: {split.fault}")
        if split.n_dropped:
            text = f"{split.n_dropped} of {n} documents of {name} have the group {case.key!r}, but "
            text += "not its attrs, so they count as not annotated. Doc.from_docs, Doc.to_json, "
            text += f"Example.from_dict and augmenters drop them: call set_{what} afterwards"
            yield Finding("groups", "warning", text)
        if n and not split.n_annotated and not split.n_faults:
            yield _no_gold(case, name)
        elif split.n_annotated and not split.n_gold and not split.lost:
            text = f"{name} has no gold {what[:-1]}: all groups {case.key!r} are empty"
            yield Finding("groups", "error", text)
        elif n > split.n_annotated + split.n_dropped + split.n_faults:
            yield _some_missing(case, name)
        elif n:
            text = f"All {n} documents of {name} have the group {case.key!r}"
            text += f", which has no {what[:-1]} in {split.n_empty}" if split.n_empty else ""
            yield Finding("groups", "good", text)


def _no_gold(case: PairCase, name: str) -> Finding:
    split, advice, what = case.splits[name], None, case.what
    text = f"{name} has no gold {what}: no document has some in the group {case.key!r}"
    if split.names:
        other, n = split.names.most_common(1)[0]
        text += f", but {n} have in {other!r}"
        if case.is_config and case.wanted_key in split.names:
            why = "the group that the documents have"
            advice = case.advise(why, **{f"{what}_key": case.wanted_key})
        elif case.is_config:
            text += ", which is not that of the training data"
        else:
            text += f". Use --{what}-key {other}"
    elif case.is_cut:
        text += ". The reader cuts documents and loses their groups"
    return Finding("groups", "error", text, advice)


def _some_missing(case: PairCase, name: str) -> Finding:
    split, n, advice = case.splits[name], case.n_documents[name], None
    n_missing = n - split.n_annotated - split.n_dropped - split.n_faults
    text = f"{n_missing} of {n} documents of {name} lack the group {case.key!r}: they "
    if case.settings["missing"] == "negative":
        return Finding("groups", "info", f"{text}count as documents without {case.what}")
    text += "are not annotated, and nothing is learned from them"
    if split.n_empty:
        text += f" ({split.n_empty} others have an empty group)"
    elif case.is_cut:
        text += ". The reader cuts documents and loses their groups"
    else:
        why = f"if documents without the group hold no {case.what}: no document has an empty one"
        advice = case.advise(why, missing="negative")
    return Finding("groups", "warning", text, advice)


def find_lost(
    case: PairCase, known: Collection[str] = (), advice: Mapping[str, Advice] = {}
) -> Iterator[Finding]:
    """What cannot be learned, and spans that nothing teaches a component to find.

    known: reasons that are said elsewhere.
    advice: by reason.
    """
    what, where = case.what, name_sources(case.settings["spans"])
    for name, split in case.splits.items():
        lost = {k: n for k, n in split.lost.items() if n and k not in known}
        total = split.n_gold + sum(n for k, n in lost.items() if k not in split.examples)
        for reason, n in lost.items():
            shown = "; ".join(repr(text) for text in split.examples.get(reason, ()))
            text = f"{n} of {total} {what} of {name} {reason}: they are not learned"
            text += f", such as in {shown}" if shown else ""
            level: Any = "error" if n == total else "warning"
            yield Finding("arguments", level, text, advice.get(reason))
        if split.n_without_spans:
            text = f"{split.n_without_spans} documents of {name} have {what}, but no gold spans "
            text += f"in {where}: only the spans of {what} are candidates there"
            yield Finding("arguments", "warning", text)
        n = split.count(OUTSIDE)
        if n:
            text = f"{n} of {split.n_gold} {what} of {name} {OUTSIDE} in {where}, so that "
            text += "nothing teaches a component to find it: "
            text += "; ".join(shorten(one, 90) for one in split.examples[OUTSIDE])
            yield Finding("arguments", "warning", text)
        if split.n_gold and not lost and not n and not split.n_without_spans:
            text = f"All {SPANS_OF[what]} of {what} of {name} are gold spans in {where}"
            yield Finding("arguments", "good", text)
