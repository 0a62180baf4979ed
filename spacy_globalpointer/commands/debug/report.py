"""What `spacy global-pointer debug` prints."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasabi.printer import Printer

from ..labels import show_label

# These modules need torch, so they are imported when the command runs.
if TYPE_CHECKING:
    from .case import Advice, Case, Finding
    from .statistics import GroupStatistics, SplitStatistics
    from .survey import Survey

# Kinds of odd spans, by label, that are shown for each split.
MOST_REMARKS = 12


def print_survey(msg: Printer, survey: "Survey") -> int:
    """Print counts and findings, and config lines to paste.

    RETURNS: number of errors among the findings.
    """
    msg.divider("Documents")
    msg.text(f"Language: {survey.lang}")
    for name, split in survey.splits.items():
        msg.text(_describe_split(name, split))
    _print_findings(msg, survey.shared, "documents")
    for case, findings in zip(survey.cases, survey.findings, strict=True):
        _print_case(msg, case, findings)
    _print_advice(msg, [f.advice for f in survey.all_findings() if f.advice is not None])
    return _print_summary(msg, survey.all_findings())


def _describe_split(name: str, split: "SplitStatistics") -> str:
    longest = max(split.lengths, default=0)
    return (
        f"{name}: {split.n_documents} documents, {split.n_tokens} tokens, "
        f"{longest} in the longest document"
    )


def _print_case(msg: Printer, case: "Case", findings: Sequence["Finding"]) -> None:
    if case.is_config:
        msg.divider(f"Component '{case.name}'")
    else:
        msg.divider("Groups")
    msg.text(f"Name of the group of spans: {case.key}")
    _print_findings(msg, findings, "documents", "groups")
    groups = {name: group for name, group in case.groups.items() if group.n_spans}
    sections: list[tuple[str, Callable[..., None]]] = [
        ("labels", _print_labels),
        ("nesting", _print_nesting),
        ("lengths", _print_lengths),
        ("tokens", _print_remarks),
    ]
    for topic, show in sections if groups else []:
        msg.divider(topic.capitalize())
        show(msg, groups)
        _print_findings(msg, findings, topic)
    if any(finding.topic == "config" for finding in findings):
        msg.divider("Config")
        _print_findings(msg, findings, "config")


def _print_findings(msg: Printer, findings: Iterable["Finding"], *topics: str) -> None:
    show: dict[str, Any] = {
        "good": msg.good,
        "info": msg.info,
        "warning": msg.warn,
        "error": msg.fail,
    }
    for finding in findings:
        if finding.topic in topics:
            show[finding.level](finding.text)


def _print_labels(msg: Printer, groups: dict[str, "GroupStatistics"]) -> None:
    from .gold import MISALIGNED

    every = list(
        dict.fromkeys(k for group in groups.values() for k, _ in group.labels.most_common())
    )
    rows = []
    for label in every:
        longest = max(max(g.lengths.get(label, {}), default=0) for g in groups.values())
        misaligned = sum(group.count(MISALIGNED, label) for group in groups.values())
        rows.append(
            (show_label(label), *(g.labels[label] for g in groups.values()), longest, misaligned)
        )
    footer = ("all", *(group.n_spans for group in groups.values()), "", "")
    _table(msg, rows, ("label", *groups, "longest (tokens)", "misaligned"), footer)


def _print_nesting(msg: Printer, groups: dict[str, "GroupStatistics"]) -> None:
    from .statistics import RELATIONS

    rows: list[Sequence[Any]] = []
    for depth in sorted({depth for group in groups.values() for depth in group.depths}):
        rows.append(
            (f"depth {depth}", *(_share(g.depths[depth], g.n_spans) for g in groups.values()))
        )
    for kind in RELATIONS:
        rows.append((kind, *(_share(g.relations[kind], g.n_spans) for g in groups.values())))
    _table(msg, rows, ("spans", *groups))


def _print_lengths(msg: Printer, groups: dict[str, "GroupStatistics"]) -> None:
    from .statistics import SHARES, length_of_share

    lengths = {name: group.all_lengths for name, group in groups.items()}
    lengths = {name: counts for name, counts in lengths.items() if counts}
    rows = [
        (f"{share:.0%}", *(length_of_share(counts, share) for counts in lengths.values()))
        for share in SHARES
    ]
    _table(msg, rows if lengths else [], ("spans of so many tokens or fewer", *lengths))


def _print_remarks(msg: Printer, groups: dict[str, "GroupStatistics"]) -> None:
    for name, group in groups.items():
        for (remark, label), n in group.remarks.most_common(MOST_REMARKS):
            shown = [text for text in group.examples[remark, label] if text]
            msg.text(f"{name}: {n} {show_label(label)} {remark}" + (", such as" if shown else ""))
            for text in shown:
                print(f"    {text}")  # a Printer would break the line
        more = len(group.remarks) - MOST_REMARKS
        if more > 0:
            msg.text(f"{name}: {more} kinds more, all in the file of --output")


def _print_advice(msg: Printer, found: Iterable["Advice"]) -> None:
    sections: dict[str, dict[Advice, None]] = {}
    for advice in found:
        sections.setdefault(advice.section, {})[advice] = None
    if sections:
        msg.divider("Advice")
        msg.text("Lines for the config:", spaced=True)
    for section, own in sections.items():
        print(f"[{section}]")
        for advice in own:
            print("\n".join((f"# {advice.why}", *advice.lines)))
        print()


def _print_summary(msg: Printer, findings: Sequence["Finding"]) -> int:
    msg.divider("Summary")
    counts = {level: sum(f.level == level for f in findings) for level in ("warning", "error")}
    if counts["warning"]:
        msg.warn(f"{counts['warning']} warning(s)")
    if counts["error"]:
        msg.fail(f"{counts['error']} error(s): training would fail or score 0.00")
    if not any(counts.values()):
        msg.good("Nothing is wrong")
    return counts["error"]


def _table(
    msg: Printer, rows: Sequence[Any], header: Sequence[str], footer: Sequence[Any] = ()
) -> None:
    if rows:
        aligns = ("l", *("r" for _ in header[1:]))
        msg.table(rows, header=header, footer=footer or None, aligns=aligns, divider=True)


def _share(count: int, total: int) -> str:
    return f"{count} ({count / total:.2%})"
