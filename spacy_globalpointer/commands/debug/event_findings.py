"""What is wrong with annotated events, or worth saying, before a component is trained."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...pipeline.event_edges import SAME_EVENT
from ...pipeline.event_gold import NO_TRIGGER, NOT_BACK, OWN_TRIGGER, TRIGGER
from ...pipeline.limits import with_margin
from ...pipeline.pair_gold import TOO_FAR
from .case import Advice, Finding, PairCase
from .event_statistics import ALONE, CROSSING, NESTED, PART, REDUCED, REPEATED, SHARED, UNTRIGGERED
from .findings import find_label_counts, find_unknown
from .pair_findings import find_lost, find_missing
from .statistics import length_of_share


def find_in_events(case: PairCase) -> list[Finding]:
    """What is missing, then what the splits with events show."""
    findings = list(find_missing(case))
    if any(split.n_gold for split in case.splits.values()):
        for find in (_find_labels, _find_shapes, _find_lost, _find_most):
            findings += find(case)
    return findings


def _splits(case: PairCase) -> dict[str, Any]:
    """The splits with events; these are EventStatistics."""
    return {name: split for name, split in case.splits.items() if split.n_gold}


def _find_labels(case: PairCase) -> Iterator[Finding]:
    """Types and roles with few examples or of one split only, and what only settings name."""
    splits = _splits(case)
    types = {name: split.labels for name, split in splits.items()}
    yield from find_label_counts(types, case.low, "type")
    roles = {name: split.roles for name, split in splits.items() if split.roles}
    if roles:
        yield from find_label_counts(roles, case.low, "role")
    first = next(iter(splits.values()))
    learned = Counter(first.roles if case.settings["trigger"] else first.labels)
    if first.has_links and case.settings["trigger"]:
        learned[SAME_EVENT] = first.count(SHARED)
    if not first.roles and not case.known:
        name = next(iter(splits))
        text = f"No event of {name} has an argument, so there is nothing to learn: the labels of "
        text += "triggers tell the types of such events without event_pointer"
        yield Finding("arguments", "error", text)
    thresholds = [label for label, _ in case.settings.get("label_thresholds", ())]
    yield from find_unknown(case.name, learned, case.known, {"label_thresholds": thresholds})


def _find_shapes(case: PairCase) -> Iterator[Finding]:
    """What events share, and what they have not."""
    for name, split in _splits(case).items():
        kinds = (SHARED, NESTED, ALONE, UNTRIGGERED, REPEATED)
        parts = [f"{split.count(kind)} {kind}" for kind in kinds]
        if split.n_sentences_known:
            parts.append(f"{split.count(CROSSING)} {CROSSING}")
        *most, last = parts
        text = f"Of {split.n_gold} events of {name}, {', '.join(most)} and {last}"
        text += "" if split.n_sentences_known else "; sentences are not annotated"
        yield Finding("nesting", "info", text)
        if n := split.count(PART):
            text = f"{n} of {split.n_gold} events of {name} {PART} with the same trigger, or "
            text += "without triggers of the same type: edges cannot say that there are two events"
            yield Finding("nesting", "info", text)


def _find_lost(case: PairCase) -> Iterator[Finding]:
    """Events that are lost, by cause."""
    splits = _splits(case)
    lost = sum((Counter(split.lost) for split in splits.values()), Counter())
    advice: dict[str, Advice] = {}
    if lost[OWN_TRIGGER]:
        advice[OWN_TRIGGER] = case.advise("triggers that are arguments", allow_self=True)
    if lost[TOO_FAR]:
        far: Counter[int] = sum((split.all_distances for split in splits.values()), Counter())
        bound = with_margin(length_of_share(far, 1.0))
        advice[TOO_FAR] = case.advise("the longest way to an argument", max_distance=bound)
    n, bare = (sum(split.count(x) for split in splits.values()) for x in (UNTRIGGERED, ALONE))
    total = sum(split.n_gold for split in splits.values())
    if lost[NO_TRIGGER] and n == total:
        advice[NO_TRIGGER] = case.advise("no event of the data has a trigger", trigger=False)
    if lost[TRIGGER] and not n and bare < total:
        advice[TRIGGER] = case.advise("all events of the data have a trigger", trigger=True)
    for finding in find_lost(case, advice=advice):
        is_asked = case.is_config or NO_TRIGGER not in finding.text
        yield finding if is_asked else Finding("arguments", "info", finding.text, finding.advice)
    for name, split in splits.items():
        if n := split.count(REDUCED):
            text = f"{n} of {split.n_gold} events of {name} have an argument that does not begin "
            text += "and end where tokens do, and are learned without it"
            yield Finding("arguments", "warning", text)
        if not split.lost[NOT_BACK]:
            text = (
                f"All other events of {name} follow"
                if split.lost
                else f"All events of {name} follow"
            )
            yield Finding("arguments", "good", f"{text} from their edges")


def _find_most(case: PairCase) -> Iterator[Finding]:
    """Triggers with more arguments or events than the settings allow."""
    for name, split in _splits(case).items():
        for setting, most in (
            ("max_arguments", split.most_arguments),
            ("max_events", split.most_events),
        ):
            allowed = case.settings[setting]
            if most > allowed:
                what = setting.removeprefix("max_")
                text = f"A trigger of {name} has {most} {what}, but {setting} = {allowed}"
                advice = case.advise(f"{what} of one trigger", **{setting: 2 * most})
                yield Finding("arguments", "warning", text, advice)
