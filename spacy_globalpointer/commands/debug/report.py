"""What `spacy global-pointer debug` prints."""

from collections.abc import Iterable, Sequence
from typing import Any

from wasabi.printer import Printer

from ..labels import show_label
from .case import Advice, Case, Finding, PairCase
from .gold import MISALIGNED
from .statistics import RELATIONS, SHARES, GroupStatistics, length_of_share
from .survey import Survey

# Kinds of odd spans, by label, that are shown for each split.
MOST_REMARKS = 12
# What wasabi calls the levels of findings.
STYLES = {"warning": "warn", "error": "fail"}
Groups = dict[str, GroupStatistics]
Row = Sequence[Any]


def print_survey(msg: Printer, survey: Survey) -> int:
    """Print counts, findings and config lines to paste; return the number of errors."""
    msg.divider("Documents")
    msg.text(f"Language: {survey.lang}")
    for name, split in survey.splits.items():
        msg.text(
            f"{name}: {split.n_documents} documents, {split.n_tokens} tokens, "
            f"{max(split.lengths, default=0)} in the longest document"
        )
    _print_findings(msg, survey.shared, "documents")
    for case in survey.cases:
        _print_case(msg, case)
    for related in survey.related:
        _print_pairs(msg, related)
    findings = survey.all_findings()
    _print_advice(msg, [finding.advice for finding in findings if finding.advice])
    msg.divider("Summary")
    n_warnings, n_errors = (sum(f.level == k for f in findings) for k in ("warning", "error"))
    if n_warnings:
        msg.warn(f"{n_warnings} warning(s)")
    if n_errors:
        msg.fail(f"{n_errors} error(s): training would fail or score 0.00")
    if not n_warnings and not n_errors:
        msg.good("Nothing is wrong")
    return n_errors


def _print_case(msg: Printer, case: Case) -> None:
    msg.divider(f"Component '{case.name}'" if case.is_config else "Groups")
    msg.text(f"Name of the group of spans: {case.key}")
    _print_findings(msg, case.findings, "documents", "groups")
    groups = {name: group for name, group in case.groups.items() if group.n_spans}
    for topic, show in (
        ("labels", _print_labels),
        ("nesting", _print_nesting),
        ("lengths", _print_lengths),
        ("tokens", _print_remarks),
    ):
        if groups:
            msg.divider(topic.title())
            show(msg, groups)
            _print_findings(msg, case.findings, topic)
    if any(finding.topic == "config" for finding in case.findings):
        msg.divider("Config")
        _print_findings(msg, case.findings, "config")


def _print_pairs(msg: Printer, case: PairCase) -> None:
    # They import torch.
    from .event_report import print_roles, print_types
    from .relation_report import print_relation_labels

    msg.divider(f"Component '{case.name}'" if case.is_config else case.what.title())
    msg.text(f"Name of the group of {case.what}: {case.key}")
    _print_findings(msg, case.findings, "groups")
    if any(split.n_gold for split in case.splits.values()):
        if case.what == "events":
            msg.divider("Types of events")
            print_types(msg, case)
            msg.divider("Roles")
            print_roles(msg, case)
        else:
            msg.divider("Labels of relations")
            print_relation_labels(msg, case)
    for topic in ("labels", "nesting", "directions", "distances", "arguments", "config"):
        if topic != "labels" and any(finding.topic == topic for finding in case.findings):
            msg.divider(topic.title())
        _print_findings(msg, case.findings, topic)


def _print_findings(msg: Printer, findings: Iterable[Finding], *topics: str) -> None:
    for finding in findings:
        if finding.topic in topics:
            getattr(msg, STYLES.get(finding.level, finding.level))(finding.text)


def _print_labels(msg: Printer, groups: Groups) -> None:
    rows = []
    for label in dict.fromkeys(k for g in groups.values() for k, _ in g.labels.most_common()):
        longest = max(max(g.lengths.get(label, {}), default=0) for g in groups.values())
        misaligned = sum(group.count(MISALIGNED, label) for group in groups.values())
        counts = (group.labels[label] for group in groups.values())
        rows.append((show_label(label), *counts, longest, misaligned))
    footer = ("all", *(group.n_spans for group in groups.values()), "", "")
    _table(msg, ("label", *groups, "longest (tokens)", "misaligned"), rows, footer)


def _print_nesting(msg: Printer, groups: Groups) -> None:
    depths = sorted({depth for group in groups.values() for depth in group.depths})
    rows = {f"depth {depth}": [g.depths[depth] for g in groups.values()] for depth in depths}
    rows |= {kind: [g.relations[kind] for g in groups.values()] for kind in RELATIONS}
    totals = [group.n_spans for group in groups.values()]
    shares = (
        (name, *(f"{n} ({n / total:.2%})" for n, total in zip(counts, totals, strict=True)))
        for name, counts in rows.items()
    )
    _table(msg, ("spans", *groups), shares)


def _print_lengths(msg: Printer, groups: Groups) -> None:
    lengths = {name: group.all_lengths for name, group in groups.items() if group.n_learned}
    rows = [(f"{x:.0%}", *(length_of_share(n, x) for n in lengths.values())) for x in SHARES]
    if lengths:
        _table(msg, ("spans of so many tokens or fewer", *lengths), rows)


def _table(msg: Printer, header: Row, rows: Iterable[Row], footer: Row | None = None) -> None:
    aligns = ("l", *("r" for _ in header[1:]))
    msg.table(list(rows), header=header, footer=footer, aligns=aligns, divider=True)


def _print_remarks(msg: Printer, groups: Groups) -> None:
    for name, group in groups.items():
        for (remark, label), n in group.remarks.most_common(MOST_REMARKS):
            msg.text(f"{name}: {n} {show_label(label)} {remark}, such as")
            for text in group.examples[remark, label]:
                print(f"    {text}")  # a Printer would break the line
        more = len(group.remarks) - MOST_REMARKS
        if more > 0:
            msg.text(f"{name}: {more} kinds more, all in the file of --output")


def _print_advice(msg: Printer, advice: Sequence[Advice]) -> None:
    sections: dict[str, list[str]] = {}
    for own in dict.fromkeys(advice):
        sections.setdefault(own.section, []).extend((f"# {own.why}", *own.lines))
    if sections:
        msg.divider("Advice")
        msg.text("Lines for the config:", spaced=True)
    for section, lines in sections.items():
        print("\n".join((f"[{section}]", *lines, "")))
