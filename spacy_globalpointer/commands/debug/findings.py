"""What is wrong with annotated data, or worth saying, before a component is trained with it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...corpora.messages import list_some, shorten
from ...pipeline.settings import weight_lines
from ...pipeline.spelling import find_label
from .case import ERROR, GOOD, INFO, WARNING, Advice, Case, Finding, count_noun
from .fitting import find_lengths, find_nesting, find_remarks, find_tokens, find_window
from .statistics import GroupStatistics, SplitStatistics
from .unseen import find_unseen

# Notes of records, labels, and letters of a label that are shown.
MOST_NOTES, MOST_LABELS, MOST_LETTERS = 3, 20, 40


def find_all(case: Case) -> list[Finding]:
    """All that is worth saying about a component's data, by topic.

    RETURNS: what is missing, then what the splits with gold show.
    """
    findings = [*_documents(case), *_groups(case)]
    splits = {name: case.splits[name] for name, group in case.groups.items() if group.n_spans}
    if splits:
        case = replace(case, splits=splits)
        kinds = (_labels, find_nesting, find_lengths, find_window)
        for find in (*kinds, find_unseen, find_tokens, find_remarks):
            findings += find(case)
    return findings


def find_notes(splits: dict[str, SplitStatistics]) -> Iterator[Finding]:
    """What was left out or changed when corpus files were read."""
    for name, split in splits.items():
        for note, n in split.notes.most_common(MOST_NOTES):
            text = f"{note} ({n} of {split.n_documents} documents of {name})"
            yield Finding("documents", WARNING, text)


def find_leaks(splits: dict[str, SplitStatistics]) -> Iterator[Finding]:
    """Texts that several splits have, or one split several times."""
    for name, split in splits.items():
        if split.n_leaked:
            shown = "; ".join(repr(shorten(text, 60)) for text in split.leaked)
            text = f"{split.n_leaked} of {split.n_documents} documents of {name} are in train too"
            yield Finding("documents", WARNING, f"{text}: {shown}")
        if split.n_repeated:
            text = f"{split.n_repeated} of {split.n_documents} documents of {name} repeat another"
            yield Finding("documents", INFO, text)
    if len(splits) > 1 and not any(split.n_leaked for split in splits.values()):
        yield Finding("documents", GOOD, "No document of dev is in train")


def _documents(case: Case) -> Iterator[Finding]:
    for name, split in case.splits.items():
        if not split.n_documents:
            yield Finding("documents", ERROR, f"{name} has no documents. Is its path right?")


def _groups(case: Case) -> Iterator[Finding]:
    for name, group in case.groups.items():
        n_documents = case.splits[name].n_documents
        if not n_documents:
            continue
        if group.n_missing == n_documents:
            yield _no_group(case, name)
        elif not group.n_spans:
            text = f"{name} has no gold span: all groups {case.key!r} are empty"
            yield Finding("groups", ERROR, text)
        elif group.n_missing:
            yield _some_missing(case, name, group, n_documents)
        else:
            text = f"All {n_documents} documents of {name} have the group {case.key!r}"
            empty = f", which is empty in {group.n_empty}" if group.n_empty else ""
            yield Finding("groups", GOOD, text + empty)


def _no_group(case: Case, name: str) -> Finding:
    split = case.splits[name]
    text = f"{name} has no gold: no document has the span group {case.key!r}"
    advice = None
    if split.names:
        other, n = split.names.most_common(1)[0]
        text += f", but {n} have {other!r}"
        if not case.is_config:
            text += f". Use --spans-key {other}"
        elif case.wanted_key in split.names:
            advice = case.advise("the group that the documents have", spans_key=case.wanted_key)
    elif split.n_ents:
        text += (
            f", but there are {split.n_ents} entities in doc.ents. Copy them: "
            f"doc.spans[{case.key!r}] = list(doc.ents)"
        )
    return Finding("groups", ERROR, text, advice)


def _some_missing(case: Case, name: str, group: GroupStatistics, n_documents: int) -> Finding:
    text = f"{group.n_missing} of {n_documents} documents of {name} lack the group {case.key!r}"
    if case.settings.get("missing") == "negative":
        return Finding("groups", INFO, f"{text}: they count as documents without spans")
    text += ": they are not annotated, and nothing is learned from them"
    if group.n_empty:
        return Finding("groups", WARNING, f"{text} ({group.n_empty} others have an empty group)")
    if case.is_cut:
        return Finding(
            "groups", WARNING, f"{text}. The reader cuts documents and loses their groups"
        )
    why = "if documents without the group hold no spans: no document has an empty one"
    return Finding("groups", WARNING, text, case.advise(why, missing="negative"))


def _labels(case: Case) -> Iterator[Finding]:
    first, *others = case.groups
    labels = case.groups[first].labels
    low = [_count(label, n) for label, n in labels.most_common() if n < case.low]
    if low:
        text = f"Low number of examples (below {case.low}) for {count_noun(low, 'label')}"
        yield Finding("labels", WARNING, f"{text}: {list_some(low, MOST_LABELS)}")
    else:
        yield Finding("labels", GOOD, f"Every label has {case.low} examples or more")
    for other in others:
        found = case.groups[other].labels
        unseen = [_count(label, n) for label, n in found.most_common() if label not in labels]
        unscored = [_count(label, n) for label, n in labels.most_common() if label not in found]
        if unseen:
            text = f"{count_noun(unseen, 'label')} of {other} never learned, as {first} lacks them"
            yield Finding("labels", WARNING, f"{text}: {list_some(unseen, MOST_LABELS)}")
        if unscored:
            text = f"{count_noun(unscored, 'label')} of {first} never scored, as {other} lacks them"
            yield Finding("labels", INFO, f"{text}: {list_some(unscored, MOST_LABELS)}")
    yield from _unknown_labels(case, labels)


def _unknown_labels(case: Case, labels: Counter[str]) -> Iterator[Finding]:
    known = labels.keys() if case.known is None else case.known
    unknown = [_count(label, n) for label, n in labels.most_common() if label not in known]
    if unknown:
        text = (
            f"'{case.name}' does not know {count_noun(unknown, 'label')} of the data, and training "
            f"stops at the first: {list_some(unknown, MOST_LABELS)}. Add them to its labels in "
            f"[initialize.components.{case.name}], or before training with add_label"
        )
        yield Finding("labels", ERROR, text)
    own = [label for label, _ in case.settings.get("label_thresholds", ())]
    unknown = [label for label in own if find_label(label, list(known)) is None]
    cuts = [shorten(label, MOST_LETTERS) for label in unknown]
    if cuts:
        text = f"label_thresholds of '{case.name}' names labels that it will not have"
        yield Finding("labels", ERROR, f"{text}: {list_some(cuts, MOST_LABELS)}. Remove them")


def _count(label: str, n: int) -> str:
    return f"{shorten(label, MOST_LETTERS)} ({n})"


def advise_key(key: str, dead: Sequence[str] = ("spans_sc_f",)) -> Advice:
    """Score weights for the scores of a group.

    key: name of the group; empty if it has its weights.
    dead: names of scores that nothing has; a weight of theirs would only lower the sum.
    """
    lines = (*(weight_lines(key) if key else ()), *(f"{name} = null" for name in dead))
    return Advice("training.score_weights", "scores that the pipeline has, and no others", lines)
