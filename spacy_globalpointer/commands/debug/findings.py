"""What is wrong with annotated data, or worth saying, before a component is trained with it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...messages import shorten
from ...pipeline.label_tables import TABLES
from ...pipeline.limits import with_margin
from ...pipeline.settings import AUTO, weight_lines
from ...pipeline.spelling import find_label
from ..labels import find_alike, list_labels
from .case import Advice, Case, Finding
from .statistics import INSIDE, RELATIONS, SplitStatistics, count_shared, is_flat, length_of_share
from .tokens import find_tokens
from .windows import find_windows

# Notes of records that are shown.
MOST_NOTES = 3
# One very long span is no reason for a long max_length.
LONG_SPAN = 64


def find_all(case: Case) -> list[Finding]:
    """What is missing, then what the splits with gold show."""
    findings = list(_find_missing(case))
    splits = {name: case.splits[name] for name, group in case.groups.items() if group.n_spans}
    if splits:
        case = replace(case, splits=splits)
        ours = _find_labels, _find_nesting, _find_lengths
        for find in (*ours, find_windows, find_tokens):
            findings += find(case)
    return findings


def find_in_documents(splits: dict[str, SplitStatistics]) -> Iterator[Finding]:
    """What was left out or changed when files were read; texts that come again."""
    for name, split in splits.items():
        for note, n in split.notes.most_common(MOST_NOTES):
            text = f"{note} ({n} of {split.n_documents} documents of {name})"
            yield Finding("documents", "warning", text)
    for name, split in splits.items():
        of_all = f"of {split.n_documents} documents of {name}"
        if split.n_leaked:
            shown = "; ".join(repr(shorten(text, 60)) for text in split.leaked)
            text = f"{split.n_leaked} {of_all} are in train too: {shown}"
            yield Finding("documents", "warning", text)
        if split.n_repeated:
            yield Finding("documents", "info", f"{split.n_repeated} {of_all} repeat another")
    if len(splits) > 1 and not any(split.n_leaked for split in splits.values()):
        yield Finding("documents", "good", "No document of dev is in train")


def find_empty(splits: Mapping[str, SplitStatistics]) -> Iterator[Finding]:
    """Splits without documents."""
    for name in (name for name, split in splits.items() if not split.n_documents):
        yield Finding("documents", "error", f"{name} has no documents. Is its path right?")


def _find_missing(case: Case) -> Iterator[Finding]:
    """Splits without documents, documents without the group, groups without spans."""
    yield from find_empty(case.splits)
    for name, n in ((name, split.n_documents) for name, split in case.splits.items()):
        group = case.groups[name]
        if n and group.n_missing == n:
            yield _no_group(case, name)
        elif n and not group.n_spans:
            text = f"{name} has no gold span: all groups {case.key!r} are empty"
            yield Finding("groups", "error", text)
        elif group.n_missing:
            yield _some_missing(case, name)
        elif n:
            text = f"All {n} documents of {name} have the group {case.key!r}"
            text += f", which is empty in {group.n_empty}" if group.n_empty else ""
            yield Finding("groups", "good", text)


def _no_group(case: Case, name: str) -> Finding:
    split, advice = case.splits[name], None
    text = f"{name} has no gold: no document has the span group {case.key!r}"
    if split.names:
        other, n = split.names.most_common(1)[0]
        text += f", but {n} have {other!r}"
        if not case.is_config:
            text += f". Use --spans-key {other}"
        elif case.wanted_key in split.names:
            advice = case.advise("the group that the documents have", spans_key=case.wanted_key)
    elif split.n_ents:
        text += f", but there are {split.n_ents} entities in doc.ents. Copy them: "
        text += f"doc.spans[{case.key!r}] = list(doc.ents)"
    return Finding("groups", "error", text, advice)


def _some_missing(case: Case, name: str) -> Finding:
    group, n, advice = case.groups[name], case.splits[name].n_documents, None
    text = f"{group.n_missing} of {n} documents of {name} lack the group {case.key!r}: they "
    if case.settings.get("missing") == "negative":
        return Finding("groups", "info", f"{text}count as documents without spans")
    text += "are not annotated, and nothing is learned from them"
    if group.n_empty:
        text += f" ({group.n_empty} others have an empty group)"
    elif case.is_cut:
        text += ". The reader cuts documents and loses their groups"
    else:
        why = "if documents without the group hold no spans: no document has an empty one"
        advice = case.advise(why, missing="negative")
    return Finding("groups", "warning", text, advice)


def _find_labels(case: Case) -> Iterator[Finding]:
    labels = {name: group.labels for name, group in case.groups.items()}
    named = {what: [label for label, _ in case.settings.get(what, ())] for what in TABLES}
    yield from find_label_counts(labels, case.low)
    yield from find_unknown(case.name, next(iter(labels.values())), case.known, named)


def find_label_counts(
    labels: Mapping[str, Mapping[str, int]], low: int, what: str = "label"
) -> Iterator[Finding]:
    """Labels with few examples, labels that look alike, and labels of one split only.

    labels: how many examples of each, by split; the first one is learned from.
    low: fewer examples are few.
    what: they are.
    """
    (first, learned), *others = labels.items()
    rare = {label: n for label, n in learned.items() if n < low}
    if rare:
        text = f"Low number of examples (below {low}) for {_count_labels(rare, what=what)}"
        yield Finding("labels", "warning", text)
    else:
        yield Finding("labels", "good", f"Every {what} has {low} examples or more")
    alike = find_alike(sum(map(Counter, labels.values()), Counter()))
    if alike:
        which = " that differ only in case, white space or the form of Unicode, as if misspelt"
        yield Finding("labels", "warning", _count_labels(alike, which, what))
    for other, own in others:
        new = {label: n for label, n in own.items() if label not in learned}
        if new:
            which = f" of {other} never learned, as {first} lacks them"
            yield Finding("labels", "warning", _count_labels(new, which, what))
        old = {label: n for label, n in learned.items() if label not in own}
        if old:
            which = f" of {first} never scored, as {other} lacks them"
            yield Finding("labels", "info", _count_labels(old, which, what))


def find_unknown(
    name: str,
    learned: Mapping[str, int],
    known: Sequence[str] | None,
    named: Mapping[str, Sequence[str]],
) -> Iterator[Finding]:
    """Labels that a component cannot learn, or that only its settings name.

    name: of the component.
    learned: how many examples of each label of the data.
    known: the only labels it can learn; None for those of the data.
    named: labels that settings name.
    """
    known = list(learned if known is None else known)
    unknown = {label: n for label, n in learned.items() if label not in known}
    if unknown:
        what = _count_labels(unknown, " of the data, and training stops at the first")
        text = f"'{name}' does not know {what}. Add them to its labels in "
        text += f"[initialize.components.{name}], or before training with add_label"
        yield Finding("labels", "error", text)
    for setting, labels in named.items():
        wrong = [(label, None) for label in labels if find_label(label, known) is None]
        if wrong:
            text = f"{setting} of '{name}' names labels that it will not have"
            yield Finding("labels", "error", f"{text}: {list_labels(wrong)}. Remove them")


def _count_labels(labels: Mapping[str, int], which: str = "", what: str = "label") -> str:
    shown = list_labels((label, f"({n})") for label, n in Counter(labels).most_common())
    return f"{len(labels)} {what}{'' if len(labels) == 1 else 's'}{which}: {shown}"


def _find_nesting(case: Case) -> Iterator[Finding]:
    """Whether allow_overlap suits the data."""
    overlap = sum((group.relations for group in case.groups.values()), Counter())
    total = sum(group.n_spans for group in case.groups.values())
    allowed = case.settings.get("allow_overlap", True)
    if is_flat(overlap, total):
        shared = count_shared(overlap)
        why = f"only {shared} of {total} spans share tokens with others"
        why = why if shared else "no two spans of a text share a token"
        advice = case.advise(why, allow_overlap=False) if allowed else None
        yield Finding("nesting", "good", f"The data is flat: {why}", advice)
        return
    counts = [f"{overlap[kind]} {kind}" for kind in RELATIONS if kind != INSIDE]
    text = f"Spans share tokens ({', '.join(counts)})"
    if not allowed:
        advice = case.advise("spans of the data share tokens", allow_overlap=True)
        text += f", but '{case.name}' predicts none that do: allow_overlap = false"
        yield Finding("nesting", "warning", text, advice)
    elif case.settings.get("annotate_ents") and case.settings.get("ents_filter", "") is None:
        text += ", and doc.ents cannot hold them: annotate_ents without ents_filter fails"
        yield Finding("nesting", "error", text)
    else:
        yield Finding("nesting", "good", f"{text}, and global_pointer can find them all")


def _find_lengths(case: Case) -> Iterator[Finding]:
    """What max_length and max_spans lose, and what would not."""
    first, learned = next((name, group.all_lengths) for name, group in case.groups.items())
    if not learned:
        return
    limit, most = case.settings.get("max_length", AUTO), case.settings.get("max_spans")
    advice = _advise_length(case, learned, limit)
    shown, bound = f"max_length = {json.dumps(limit)}", limit
    if limit is None:
        text = f"{shown}: nothing bounds the spans that are found in long texts"
        yield Finding("lengths", "info", text, advice)
    elif limit == AUTO:
        bound = with_margin(max(learned))
        text = f"{shown} will be {bound} tokens: the longest span of {first} has {max(learned)}"
        yield Finding("lengths", "info" if advice else "good", text, advice)
    for name, group in case.groups.items() if bound is not None else ():
        lost, n = group.n_longer(bound), group.n_learned
        text = f"{shown} loses {lost} of {n} spans of {name}"
        if lost:
            text += f" ({lost / n:.2%})"
            yield Finding("lengths", "error" if lost == n else "warning", text, advice)
        else:
            yield Finding("lengths", "good", text)
    for name, group in case.groups.items():
        if most is not None and group.most_spans > most:
            text = f"A document of {name} has {group.most_spans} spans, but max_spans = {most}"
            advice = case.advise("spans of one document", max_spans=2 * group.most_spans)
            yield Finding("lengths", "warning", text, advice)


def _advise_length(case: Case, learned: Counter[int], limit: int | str | None) -> Advice | None:
    """A longer max_length, with a margin: "auto", unless one very long span makes that too long."""
    nearly, longest = length_of_share(learned, 0.99), max(learned)
    is_odd = longest > max(LONG_SPAN, 2 * nearly)
    bound = with_margin(nearly if is_odd else longest)
    if (limit == AUTO and not is_odd) or (isinstance(limit, int) and bound <= limit):
        return None
    kept = " and ".join(
        f"{1 - group.n_longer(bound) / max(1, group.n_learned):.2%} of the spans of {name}"
        for name, group in case.groups.items()
    )
    if is_odd:
        return case.advise(f"keeps {kept}; the longest has {longest} tokens", max_length=bound)
    return case.advise(f"keeps {kept}: {bound} tokens", max_length=AUTO)


def advise_key(key: str, dead: Sequence[str] = ("spans_sc_f",)) -> Advice:
    """Score weights for a group, none if its name is empty, in place of scores that nothing has."""
    lines = (*(weight_lines(key) if key else ()), *(f"{name} = null" for name in dead))
    return Advice("training.score_weights", "scores that the pipeline has, and no others", lines)
