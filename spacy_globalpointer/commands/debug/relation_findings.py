"""What is wrong with annotated relations, or worth saying, before a component is trained."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...pipeline.limits import with_margin
from ...pipeline.pair_gold import SELF as LOST_SELF
from ...pipeline.pair_gold import TOO_FAR
from ...pipeline.spelling import is_named, spell_label
from ..labels import list_labels
from .case import Advice, Finding, PairCase
from .findings import find_label_counts, find_unknown
from .pair_findings import find_lost, find_missing
from .relation_statistics import (
    BOTH_WAYS,
    CROSSING,
    FORWARD,
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


def find_in_relations(case: PairCase) -> list[Finding]:
    """What is missing, then what the splits with relations show."""
    findings = list(find_missing(case))
    if any(split.n_gold for split in _splits(case).values()):
        ours = _find_labels, _find_self, _find_directions, _find_distances, _find_arguments
        for find in (*ours, _find_pairs, _find_most):
            findings += find(case)
    return findings


def _splits(case: PairCase) -> dict[str, Any]:
    """The splits; these are RelationStatistics."""
    return dict(case.splits)


def _find_labels(case: PairCase) -> Iterator[Finding]:
    """Labels with few examples or of one split only, and those that only settings name."""
    labels = {name: split.labels for name, split in _splits(case).items() if split.n_gold}
    yield from find_label_counts(labels, case.low)
    thresholds = [label for label, _ in case.settings.get("label_thresholds", ())]
    named = {"label_thresholds": thresholds, "symmetric": list(case.settings["symmetric"])}
    yield from find_unknown(case.name, next(iter(labels.values())), case.known, named)


def _find_self(case: PairCase) -> Iterator[Finding]:
    """Relations of a span with itself."""
    counts = {name: split.count(SELF) for name, split in _splits(case).items()}
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


def _find_directions(case: PairCase) -> Iterator[Finding]:
    """Labels that look as if they had no direction."""
    both, forward = [], []
    for label in dict.fromkeys(k for split in _splits(case).values() for k in split.labels):
        if is_named(label, case.settings["symmetric"]):
            continue
        n = sum(split.distances[label].total() for split in _splits(case).values())
        n_both, n_forward, n_nested = (
            sum(split.kinds[kind, label] for split in _splits(case).values())
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


def _advise_symmetric(case: PairCase, both: list[str], forward: list[str]) -> Advice:
    """One line, as a setting can only be given once."""
    why = "those that are annotated in both directions"
    if forward:
        why = f"{why}, or " if both else ""
        why += "those that nearly always lead from the first span: leave out what has a direction"
    new = [spell_label(label, [label]) for label in (*both, *forward)]
    return case.advise(why, symmetric=[*case.settings["symmetric"], *new])


def _is_alike(case: PairCase, label: str) -> bool:
    """Whether heads have the labels of children, so that these do not tell the direction."""
    pairs: Counter[Any] = sum((split.type_pairs for split in _splits(case).values()), Counter())
    own = {(head, child): n for (head, name, child), n in pairs.items() if name == label}
    alike = sum(n for (head, child), n in own.items() if head == child)
    return alike >= ALIKE * sum(own.values())


def _find_distances(case: PairCase) -> Iterator[Finding]:
    """What max_distance loses; relations of overlapping spans, and between sentences."""
    most = case.settings["max_distance"]
    for name, split in _splits(case).items():
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
    for name, split in _splits(case).items():
        n, parts = split.n_gold, [f"{split.count(OVERLAPPING)} are {OVERLAPPING}"]
        if split.n_sentences_known:
            parts.append(f"{split.count(CROSSING)} go {CROSSING}")
        if n:
            text = f"Of {n} relations of {name}, {' and '.join(parts)}"
            text += "" if split.n_sentences_known else "; sentences are not annotated"
            yield Finding("distances", "info", text)


def _advise_distance(case: PairCase) -> Advice:
    learned = next(s.all_distances for s in _splits(case).values() if s.all_distances)
    bound = with_margin(length_of_share(learned, 0.99))
    total = sum((split.all_distances for split in _splits(case).values()), learned - learned)
    kept = sum(n for tokens, n in total.items() if tokens <= bound) / total.total()
    return case.advise(f"keeps {kept:.2%} of the relations", max_distance=bound)


def _find_arguments(case: PairCase) -> Iterator[Finding]:
    """Relations that are lost with their spans."""
    yield from find_lost(case, (LOST_SELF, TOO_FAR))


def _find_pairs(case: PairCase) -> Iterator[Finding]:
    """Relations between labels of spans that the training data do not show."""
    (first, learned), *others = ((k, s) for k, s in _splits(case).items() if s.n_gold)
    for name, split in others:
        n, total = split.n_unseen(learned), split.n_gold
        text = f"{n} of {total} relations of {name} ({n / total:.2%}) are between spans of labels "
        text += f"that have no such relation in {first}"
        if case.settings["type_pairs"] != "seen" or not n:
            yield Finding("arguments", "info" if n else "good", text)
            continue
        text += ': type_pairs = "seen" cannot find them'
        why = "finds them, and wrong ones between such spans"
        advice = case.advise(why, type_pairs="any") if n > MANY * total else None
        yield Finding("arguments", "warning" if advice else "info", text, advice)


def _find_most(case: PairCase) -> Iterator[Finding]:
    """Documents with more relations than the settings allow."""
    most = case.settings.get("max_relations")
    for name, split in _splits(case).items():
        if most is not None and split.most > most:
            text = f"A document of {name} has {split.most} relations, but max_relations = {most}"
            advice = case.advise("relations of one document", max_relations=2 * split.most)
            yield Finding("arguments", "warning", text, advice)
