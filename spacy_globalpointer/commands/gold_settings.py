"""What annotated training data ask of its config: the labels, and settings that the data need."""

from collections.abc import Iterable, Sequence
from typing import Any

from wasabi.printer import Printer

from .debug.case import Finding, PairCase
from .debug.statistics import is_flat
from .debug.survey import Survey


def read_gold(
    msg: Printer, survey: Survey, flat: bool | None, max_length: int | None
) -> tuple[list[str], bool]:
    """Say what training data has, and what the config makes of it.

    RETURNS: the labels to write, all or none; whether the config is for flat entities.
    """
    (case,) = survey.cases
    check_findings([*survey.shared, *case.findings], "spans")
    (split,) = survey.splits.values()
    (group,) = split.groups.values()
    longest = max(group.all_lengths, default=0)
    has_flat = is_flat(group.relations, group.n_spans)
    msg.info(
        f"{split.n_documents:,} documents, {group.n_spans:,} spans of {len(group.labels):,} "
        f"labels, the longest of {longest:,} tokens; {'flat' if has_flat else 'spans share tokens'}"
    )
    if flat and not has_flat:
        msg.warn("--flat: of spans that share a token, only the most likely ones will be found")
    if max_length is not None and max_length < longest:
        msg.warn(f"--max-length {max_length}: longer gold spans are not learned, and never found")
    return list_fit(msg, group.labels, "labels"), has_flat if flat is None else flat


def read_gold_relations(
    msg: Printer, survey: Survey, symmetric: Sequence[str]
) -> tuple[list[str], dict[str, Any]]:
    """Say what relations training data has, and what the config makes of them.

    RETURNS: the labels to write, all or none; settings that the data ask for.
    RAISES (ValueError): no relations, or a symmetric label that none of them has.
    """
    # Imports torch.
    from .debug.relation_statistics import SELF

    case = find_case(survey, "relations")
    (split,) = case.splits.values()
    unknown = [label for label in symmetric if label not in split.labels]
    if unknown:
        raise ValueError(
            f"--symmetric must name relations of the data, was: {', '.join(unknown)}. Their labels "
            f"are: {', '.join(sorted(split.labels))}"
        )
    msg.info(f"{split.n_gold:,} relations of {len(split.labels):,} labels")
    n_self = split.count(SELF)
    if n_self:
        msg.info(f"allow_self = true: {n_self:,} relations lead from a span to itself")
    return list_fit(msg, split.labels, "relations"), {"allow_self": True} if n_self else {}


def read_gold_events(msg: Printer, survey: Survey) -> tuple[list[str], dict[str, Any]]:
    """Say what events training data has, and what the config makes of them.

    RETURNS: the labels of edges to write, all or none; settings that the data ask for.
    RAISES (ValueError): no events.
    """
    # They import torch.
    from ..pipeline.event_edges import SAME_EVENT
    from ..pipeline.event_gold import OWN_TRIGGER
    from .debug.event_statistics import SHARED, UNTRIGGERED

    split: Any
    (split,) = find_case(survey, "events").splits.values()
    msg.info(f"{split.n_gold:,} events of {len(split.labels):,} types")
    if split.count(UNTRIGGERED) == split.n_gold:
        msg.info("trigger = false: no event has a trigger")
        return list_fit(msg, split.labels, "types of events"), {"trigger": False}
    links = [SAME_EVENT] if split.count(SHARED) else []
    settings = {}
    if n_self := split.lost[OWN_TRIGGER]:
        msg.info(f"allow_self = true: {n_self:,} events have their own trigger as an argument")
        settings["allow_self"] = True
    return list_fit(msg, [*split.roles, *links], "roles"), settings


def find_case(survey: Survey, what: str) -> PairCase:
    """What was found of the relations or events of training data.

    RAISES (ValueError): it has none.
    """
    case = next((case for case in survey.related if case.what == what), None)
    if case is None:
        raise ValueError(
            f'--data must have gold {what}, was: data without. To fix: add "{what}" to your '
            f"JSON lines and convert them again, or leave out --{what}"
        )
    check_findings([*survey.shared, *case.findings], what)
    return case


def check_findings(findings: Iterable[Finding], what: str) -> None:
    """Refuse data of which an error was found.

    what: they must have, for the message.
    """
    for finding in findings:
        if finding.level == "error":
            raise ValueError(f"--data must have gold {what}, was: {finding.text}")


def list_fit(msg: Printer, labels: Iterable[str], what: str) -> list[str]:
    """Labels in order, none if a config cannot hold one of them, which is said."""
    unfit = [label for label in sorted(labels) if "$" in label]
    if unfit:
        cause = 'In a config "$" begins a variable, so it cannot list: ' + ", ".join(unfit)
        msg.warn(f"The config lists no {what}: training will find them", cause)
    return [] if unfit else sorted(labels)
