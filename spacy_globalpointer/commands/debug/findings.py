"""What is wrong with annotated data, or worth saying, before a component is trained with it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...corpora.messages import list_some, shorten
from ...pipeline.settings import AUTO, weight_lines, with_margin
from ...pipeline.spelling import find_label
from .case import ERROR, GOOD, INFO, WARNING, Advice, Case, Finding
from .statistics import (
    CROSSING,
    NESTED,
    SAME_BORDERS,
    SAME_LABEL,
    SplitStatistics,
    count_shared,
    is_flat,
    length_of_share,
)
from .tokens import find_tokens
from .windows import find_windows

# Notes of records, labels, and letters of a label that are shown.
MOST_NOTES, MOST_LABELS, MOST_LETTERS = 3, 20, 40
# One very long span is no reason for a long max_length.
LONG_SPAN = 64


def find_all(case: Case) -> list[Finding]:
    """All that is worth saying about a component's data, by topic.

    RETURNS: what is missing, then what the splits with gold show.
    """
    findings = list(_find_missing(case))
    splits = {name: case.splits[name] for name, group in case.groups.items() if group.n_spans}
    if splits:
        case = replace(case, splits=splits)
        for find in (
            _find_labels,
            _find_unknown,
            _find_nesting,
            _find_lengths,
            find_windows,
            find_tokens,
        ):
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
        of_all = f"of {split.n_documents} documents of {name}"
        if split.n_leaked:
            shown = "; ".join(repr(shorten(text, 60)) for text in split.leaked)
            text = f"{split.n_leaked} {of_all} are in train too: {shown}"
            yield Finding("documents", WARNING, text)
        if split.n_repeated:
            yield Finding("documents", INFO, f"{split.n_repeated} {of_all} repeat another")
    if len(splits) > 1 and not any(split.n_leaked for split in splits.values()):
        yield Finding("documents", GOOD, "No document of dev is in train")


def _find_missing(case: Case) -> Iterator[Finding]:
    """Splits without documents, documents without the group, groups without spans."""
    for name, split in case.splits.items():
        if not split.n_documents:
            yield Finding("documents", ERROR, f"{name} has no documents. Is its path right?")
    for name, group in case.groups.items():
        n_documents = case.splits[name].n_documents
        if n_documents and group.n_missing == n_documents:
            yield _no_group(case, name)
        elif n_documents and not group.n_spans:
            text = f"{name} has no gold span: all groups {case.key!r} are empty"
            yield Finding("groups", ERROR, text)
        elif group.n_missing:
            yield _some_missing(case, name)
        elif n_documents:
            text = f"All {n_documents} documents of {name} have the group {case.key!r}"
            text += f", which is empty in {group.n_empty}" if group.n_empty else ""
            yield Finding("groups", GOOD, text)


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
        text += f", but there are {split.n_ents} entities in doc.ents. Copy them: "
        text += f"doc.spans[{case.key!r}] = list(doc.ents)"
    return Finding("groups", ERROR, text, advice)


def _some_missing(case: Case, name: str) -> Finding:
    group, split = case.groups[name], case.splits[name]
    text = (
        f"{group.n_missing} of {split.n_documents} documents of {name} lack the group {case.key!r}"
    )
    if case.settings.get("missing") == "negative":
        return Finding("groups", INFO, f"{text}: they count as documents without spans")
    text += ": they are not annotated, and nothing is learned from them"
    advice = None
    if group.n_empty:
        text += f" ({group.n_empty} others have an empty group)"
    elif case.is_cut:
        text += ". The reader cuts documents and loses their groups"
    else:
        why = "if documents without the group hold no spans: no document has an empty one"
        advice = case.advise(why, missing="negative")
    return Finding("groups", WARNING, text, advice)


def _find_labels(case: Case) -> Iterator[Finding]:
    """Labels with few examples, and labels of one split only."""
    (first, learned), *others = ((name, group.labels) for name, group in case.groups.items())
    low = Counter({label: n for label, n in learned.items() if n < case.low})
    if low:
        text = f"Low number of examples (below {case.low}) for {_list_labels(low, '')}"
        yield Finding("labels", WARNING, text)
    else:
        yield Finding("labels", GOOD, f"Every label has {case.low} examples or more")
    for other, labels in others:
        for level, own, rest, what in (
            (WARNING, labels, learned, f" of {other} never learned, as {first} lacks them"),
            (INFO, learned, labels, f" of {first} never scored, as {other} lacks them"),
        ):
            alone = Counter({label: n for label, n in own.items() if label not in rest})
            if alone:
                yield Finding("labels", level, _list_labels(alone, what))


def _find_unknown(case: Case) -> Iterator[Finding]:
    """Labels that the component cannot learn, or that only its settings name."""
    learned = next(iter(case.groups.values())).labels
    known = list(learned) if case.known is None else list(case.known)
    unknown = Counter({label: n for label, n in learned.items() if label not in known})
    if unknown:
        what = " of the data, and training stops at the first"
        text = f"'{case.name}' does not know {_list_labels(unknown, what)}. Add them to its labels "
        text += f"in [initialize.components.{case.name}], or before training with add_label"
        yield Finding("labels", ERROR, text)
    own = [label for label, _ in case.settings.get("label_thresholds", ())]
    cuts = [shorten(label, MOST_LETTERS) for label in own if find_label(label, known) is None]
    if cuts:
        text = f"label_thresholds of '{case.name}' names labels that it will not have"
        yield Finding("labels", ERROR, f"{text}: {list_some(cuts, MOST_LABELS)}. Remove them")


def _list_labels(labels: Counter[str], what: str) -> str:
    shown = [f"{shorten(label, MOST_LETTERS)} ({n})" for label, n in labels.most_common()]
    noun = "label" if len(shown) == 1 else "labels"
    return f"{len(shown)} {noun}{what}: {list_some(shown, MOST_LABELS)}"


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
        yield Finding("nesting", GOOD, f"The data is flat: {why}", advice)
        return
    counts = [f"{overlap[kind]} {kind}" for kind in (NESTED, SAME_LABEL, CROSSING, SAME_BORDERS)]
    text = f"Spans share tokens ({', '.join(counts)})"
    if not allowed:
        advice = case.advise("spans of the data share tokens", allow_overlap=True)
        text += f", but '{case.name}' predicts none that do: allow_overlap = false"
        yield Finding("nesting", WARNING, text, advice)
    elif case.settings.get("annotate_ents") and case.settings.get("ents_filter", "") is None:
        text += ", and doc.ents cannot hold them: annotate_ents without ents_filter fails"
        yield Finding("nesting", ERROR, text)
    else:
        yield Finding("nesting", GOOD, f"{text}, and global_pointer can find them all")


def _find_lengths(case: Case) -> Iterator[Finding]:
    """What max_length and max_spans lose, and what would not."""
    first, learned = next((name, group.all_lengths) for name, group in case.groups.items())
    if not learned:
        return
    limit, most = case.settings.get("max_length", AUTO), case.settings.get("max_spans")
    advice = _advise_length(case, learned, limit)
    if limit is None:
        text = "max_length = null: nothing bounds the spans that are found in long texts"
        yield Finding("lengths", INFO, text, advice)
    elif limit == AUTO:
        bound, shown = with_margin(max(learned)), f'max_length = "{AUTO}"'
        text = f"{shown} will be {bound} tokens: the longest span of {first} has {max(learned)}"
        yield Finding("lengths", INFO if advice else GOOD, text, advice)
        yield from _find_longer(case, bound, shown, advice)
    else:
        yield from _find_longer(case, limit, f"max_length = {limit}", advice)
    for name, group in case.groups.items():
        if most is not None and group.most_spans > most:
            text = f"A document of {name} has {group.most_spans} spans, but max_spans = {most}"
            advice = case.advise("spans of one document", max_spans=2 * group.most_spans)
            yield Finding("lengths", WARNING, text, advice)


def _find_longer(case: Case, bound: int, shown: str, advice: Advice | None) -> Iterator[Finding]:
    for name, group in case.groups.items():
        lost, n_spans = group.n_longer(bound), group.n_learned
        text = f"{shown} loses {lost} of {n_spans} spans of {name}"
        if lost:
            level = ERROR if lost == n_spans else WARNING
            yield Finding("lengths", level, f"{text} ({lost / n_spans:.2%})", advice)
        else:
            yield Finding("lengths", GOOD, text)


def _advise_length(case: Case, learned: Counter[int], limit: int | str | None) -> Advice | None:
    """A max_length with a margin: "auto", unless one very long span makes that too long.

    RETURNS: None if the present limit is that, or longer.
    """
    nearly, longest = length_of_share(learned, 0.99), max(learned)
    is_odd = longest > max(LONG_SPAN, 2 * nearly)
    bound = with_margin(nearly if is_odd else longest)
    if (limit == AUTO and not is_odd) or (isinstance(limit, int) and bound <= limit):
        return None
    kept = []
    for name, group in case.groups.items():
        share = 1 - group.n_longer(bound) / max(1, group.n_learned)
        kept.append(f"{share:.2%} of the spans of {name}")
    why = f"keeps {' and '.join(kept)}"
    if is_odd:
        return case.advise(f"{why}; the longest has {longest} tokens", max_length=bound)
    return case.advise(f"{why}: {bound} tokens", max_length=AUTO)


def advise_key(key: str, dead: Sequence[str] = ("spans_sc_f",)) -> Advice:
    """Score weights for the scores of a group.

    key: name of the group; empty if it has its weights.
    dead: names of scores that nothing has; a weight of theirs would only lower the sum.
    """
    lines = (*(weight_lines(key) if key else ()), *(f"{name} = null" for name in dead))
    return Advice("training.score_weights", "scores that the pipeline has, and no others", lines)
