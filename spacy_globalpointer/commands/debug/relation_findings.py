"""What is wrong with annotated relations, or worth saying, before a component is trained."""

from collections import Counter
from collections.abc import Iterator

from ...corpora.messages import shorten
from ...pipeline.relation_gold import SELF as LOST_SELF
from ...pipeline.relation_gold import TOO_FAR
from ...pipeline.settings import with_margin
from ...pipeline.spelling import is_named, spell_label
from ..labels import list_labels
from .case import Advice, Finding, RelationCase
from .findings import find_label_counts, find_unknown
from .relation_statistics import (
    BOTH_WAYS,
    CROSSING,
    FORWARD,
    OUTSIDE,
    OVERLAPPING,
    SELF,
)
from .statistics import length_of_share

# Relations of a label that tell something about its direction, and shares of them: annotated in
# both directions; leading from the first span; between spans of one label; of overlapping spans,
# whose nesting tells a direction. Labels such as SPOUSE and CONJUNCTION are within these, but so is
# ABBREVIATION: it is a question.
ENOUGH, BOTH, FIRST, ALIKE, NESTED = 10, 0.9, 0.85, 0.7, 0.3
# Above this share of relations it is worth a change of the settings.
MANY = 0.01


def find_in_relations(case: RelationCase) -> list[Finding]:
    """What is missing, then what the splits with relations show."""
    findings = list(_find_missing(case))
    if any(split.n_relations for split in case.splits.values()):
        ours = _find_labels, _find_self, _find_directions, _find_distances, _find_arguments
        for find in (*ours, _find_pairs, _find_most):
            findings += find(case)
    return findings


def _find_missing(case: RelationCase) -> Iterator[Finding]:
    """Texts without relations, with relations that were lost, or that cannot be read."""
    for name, split in case.splits.items():
        n = case.n_documents[name]
        if split.n_faults:
            text = f"Relations of {split.n_faults} documents of {name} cannot be read, and "
            yield Finding("groups", "error", f"{text}training stops at the first: {split.fault}")
        if split.n_dropped:
            text = f"{split.n_dropped} of {n} documents of {name} have the group {case.key!r}, but "
            text += "not its attrs, so they count as not annotated. Doc.from_docs, Doc.to_json, "
            text += "Example.from_dict and augmenters drop them: call set_relations afterwards"
            yield Finding("groups", "warning", text)
        if n and not split.n_annotated and not split.n_faults:
            yield _no_relations(case, name)
        elif split.n_annotated and not split.n_relations and not split.lost:
            text = f"{name} has no gold relation: all groups {case.key!r} are empty"
            yield Finding("groups", "error", text)
        elif n > split.n_annotated + split.n_dropped + split.n_faults:
            yield _some_missing(case, name)
        elif n:
            text = f"All {n} documents of {name} have the group {case.key!r}"
            text += f", which has no relation in {split.n_empty}" if split.n_empty else ""
            yield Finding("groups", "good", text)


def _no_relations(case: RelationCase, name: str) -> Finding:
    split, advice = case.splits[name], None
    text = f"{name} has no gold relations: no document has some in the group {case.key!r}"
    if split.names:
        other, n = split.names.most_common(1)[0]
        text += f", but {n} have in {other!r}"
        if case.is_config and case.wanted_key in split.names:
            why = "the group that the documents have"
            advice = case.advise(why, relations_key=case.wanted_key)
        elif case.is_config:
            text += ", which is not that of the training data"
        else:
            text += f". Use --relations-key {other}"
    elif case.is_cut:
        text += ". The reader cuts documents and loses their groups"
    return Finding("groups", "error", text, advice)


def _some_missing(case: RelationCase, name: str) -> Finding:
    split, n, advice = case.splits[name], case.n_documents[name], None
    n_missing = n - split.n_annotated - split.n_dropped - split.n_faults
    text = f"{n_missing} of {n} documents of {name} lack the group {case.key!r}: they "
    if case.settings["missing"] == "negative":
        return Finding("groups", "info", f"{text}count as documents without relations")
    text += "are not annotated, and nothing is learned from them"
    if split.n_empty:
        text += f" ({split.n_empty} others have an empty group)"
    elif case.is_cut:
        text += ". The reader cuts documents and loses their groups"
    else:
        why = "if documents without the group hold no relations: no document has an empty one"
        advice = case.advise(why, missing="negative")
    return Finding("groups", "warning", text, advice)


def _find_labels(case: RelationCase) -> Iterator[Finding]:
    """Labels with few examples or of one split only, and those that only settings name."""
    labels = {name: split.labels for name, split in case.splits.items() if split.n_relations}
    yield from find_label_counts(labels, case.low)
    thresholds = [label for label, _ in case.settings.get("label_thresholds", ())]
    named = {"label_thresholds": thresholds, "symmetric": list(case.settings["symmetric"])}
    yield from find_unknown(case.name, next(iter(labels.values())), case.known, named)


def _find_self(case: RelationCase) -> Iterator[Finding]:
    """Relations of a span with itself."""
    counts = {name: split.count(SELF) for name, split in case.splits.items()}
    n, allowed = sum(counts.values()), case.settings["allow_self"]
    shown = ", ".join(f"{n} of {name}" for name, n in counts.items())
    if n and not allowed:
        text = f"Relations lead from a span to itself ({shown}), which allow_self = false loses"
        advice = case.advise("relations of the data lead from a span to itself", allow_self=True)
        yield Finding("directions", "warning", text, advice)
    elif n:
        text = f"Relations lead from a span to itself ({shown}), and can be found"
        yield Finding("directions", "good", text)
    elif allowed:
        text = "allow_self = true, but no relation leads from a span to itself"
        advice = case.advise("no relation leads from a span to itself", allow_self=False)
        yield Finding("directions", "info", text, advice)
    else:
        yield Finding("directions", "good", "No relation leads from a span to itself")


def _find_directions(case: RelationCase) -> Iterator[Finding]:
    """Labels that look as if they had no direction."""
    both, forward = [], []
    for label in dict.fromkeys(k for split in case.splits.values() for k in split.labels):
        if is_named(label, case.settings["symmetric"]):
            continue
        n = sum(split.distances[label].total() for split in case.splits.values())
        n_both, n_forward, n_nested = (
            sum(split.kinds[kind, label] for split in case.splits.values())
            for kind in (BOTH_WAYS, FORWARD, OVERLAPPING)
        )
        if n >= ENOUGH and n_both >= BOTH * n:
            both.append(label)
        elif n < ENOUGH or n_nested > NESTED * n:
            continue
        elif n_forward >= FIRST * n and _is_alike(case, label):
            forward.append(label)
    for labels, what in (
        (both, "are annotated in both directions"),
        (forward, "nearly always lead from the first span, and their spans have the same labels"),
    ):
        if labels:
            text = f"Relations of {list_labels((label, None) for label in labels)} {what}: are "
            text += "they symmetric? Then each is learned, found and counted once"
            yield Finding("directions", "info", text, _advise_symmetric(case, both, forward))


def _advise_symmetric(case: RelationCase, both: list[str], forward: list[str]) -> Advice:
    """One line, as a setting can only be given once."""
    why = "those that are annotated in both directions"
    if forward:
        why = f"{why}, or " if both else ""
        why += "those that nearly always lead from the first span: leave out what has a direction"
    new = [spell_label(label, [label]) for label in (*both, *forward)]
    return case.advise(why, symmetric=[*case.settings["symmetric"], *new])


def _is_alike(case: RelationCase, label: str) -> bool:
    """Whether heads have the labels of children, so that these do not tell the direction."""
    pairs = sum((split.type_pairs for split in case.splits.values()), Counter())
    own = {(head, child): n for (head, name, child), n in pairs.items() if name == label}
    alike = sum(n for (head, child), n in own.items() if head == child)
    return alike >= ALIKE * sum(own.values())


def _find_distances(case: RelationCase) -> Iterator[Finding]:
    """What max_distance loses; relations of overlapping spans, and between sentences."""
    most = case.settings["max_distance"]
    for name, split in case.splits.items():
        lost, total = split.lost[TOO_FAR], split.all_distances
        if not total:
            continue
        longest = f"the longest relation of {name} spans {max(total)} tokens"
        if not lost:
            shown = "null" if most is None else most
            text = f"max_distance = {shown} loses no relation of {name}: {longest}"
            yield Finding("distances", "good", text)
            continue
        text = f"max_distance = {most} loses {lost} of {total.total()} relations of {name} "
        text += f"({lost / total.total():.2%}): {longest}"
        level = "error" if lost == total.total() else "warning"
        yield Finding("distances", level, text, _advise_distance(case))  # type: ignore[arg-type]
    for name, split in case.splits.items():
        n, parts = split.n_relations, [f"{split.count(OVERLAPPING)} are {OVERLAPPING}"]
        if split.n_sentences_known:
            parts.append(f"{split.count(CROSSING)} go {CROSSING}")
        if n:
            text = f"Of {n} relations of {name}, {' and '.join(parts)}"
            text += "" if split.n_sentences_known else "; sentences are not annotated"
            yield Finding("distances", "info", text)


def _advise_distance(case: RelationCase) -> Advice:
    learned = next(s.all_distances for s in case.splits.values() if s.all_distances)
    bound = with_margin(length_of_share(learned, 0.99))
    total = sum((split.all_distances for split in case.splits.values()), learned - learned)
    kept = sum(n for tokens, n in total.items() if tokens <= bound) / total.total()
    return case.advise(f"keeps {kept:.2%} of the relations", max_distance=bound)


def _find_arguments(case: RelationCase) -> Iterator[Finding]:
    """Relations that are lost with their spans."""
    source = case.settings["spans"]
    where = "doc.ents" if source is None else f"doc.spans[{source!r}]"
    for name, split in case.splits.items():
        lost = {k: n for k, n in split.lost.items() if n and k not in (LOST_SELF, TOO_FAR)}
        total = split.n_relations + sum(n for k, n in lost.items() if k not in split.examples)
        for reason, n in lost.items():
            shown = "; ".join(repr(text) for text in split.examples.get(reason, ()))
            text = f"{n} of {total} relations of {name} {reason}: they are not learned"
            text += f", such as in {shown}" if shown else ""
            yield Finding("arguments", "error" if n == total else "warning", text)
        if split.n_without_spans:
            text = f"{split.n_without_spans} documents of {name} have relations, but no gold spans "
            text += f"in {where}: only the arguments of relations are candidates there"
            yield Finding("arguments", "warning", text)
        n = split.count(OUTSIDE)
        if n:
            text = f"{n} of {split.n_relations} relations of {name} {OUTSIDE} in {where}, so that "
            text += "nothing teaches a component to find it: "
            text += "; ".join(shorten(one, 90) for one in split.examples[OUTSIDE])
            yield Finding("arguments", "warning", text)
        if split.n_relations and not lost and not n and not split.n_without_spans:
            text = f"All arguments of relations of {name} are gold spans in {where}"
            yield Finding("arguments", "good", text)


def _find_pairs(case: RelationCase) -> Iterator[Finding]:
    """Relations between labels of spans that the training data do not show."""
    (first, learned), *others = ((k, s) for k, s in case.splits.items() if s.n_relations)
    for name, split in others:
        n, total = split.n_unseen(learned), split.n_relations
        text = f"{n} of {total} relations of {name} ({n / total:.2%}) are between spans of labels "
        text += f"that have no such relation in {first}"
        if case.settings["type_pairs"] != "seen" or not n:
            yield Finding("arguments", "info" if n else "good", text)
            continue
        text += ': type_pairs = "seen" cannot find them'
        why = "finds them, and wrong ones between such spans"
        advice = case.advise(why, type_pairs="any") if n > MANY * total else None
        yield Finding("arguments", "warning" if advice else "info", text, advice)


def _find_most(case: RelationCase) -> Iterator[Finding]:
    """Documents with more relations than the settings allow."""
    most = case.settings.get("max_relations")
    for name, split in case.splits.items():
        if most is not None and split.most > most:
            text = f"A document of {name} has {split.most} relations, but max_relations = {most}"
            advice = case.advise("relations of one document", max_relations=2 * split.most)
            yield Finding("arguments", "warning", text, advice)
