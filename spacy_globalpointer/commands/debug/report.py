"""What `spacy global-pointer debug` prints."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wasabi.printer import Printer

from ..labels import show_label
from .case import Advice, Case, Finding
from .gold import MISALIGNED
from .statistics import RELATIONS, SHARES, GroupStatistics, length_of_share
from .survey import Survey

# Kinds of odd spans, by label, that are shown for each split.
MOST_REMARKS = 12
Groups = dict[str, GroupStatistics]
Row = Sequence[Any]


def print_survey(msg: Printer, survey: Survey) -> int:
    """Print counts and findings, and config lines to paste.

    RETURNS: number of errors among the findings.
    """
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
    if groups:
        msg.divider("Labels")
        header = ("label", *groups, "longest (tokens)", "misaligned")
        footer = ("all", *(group.n_spans for group in groups.values()), "", "")
        _table(msg, header, _label_rows(groups), footer)
        _print_findings(msg, case.findings, "labels")
        msg.divider("Nesting")
        _table(msg, ("spans", *groups), _nesting_rows(groups))
        _print_findings(msg, case.findings, "nesting")
        msg.divider("Lengths")
        lengths = {name: group.all_lengths for name, group in groups.items() if group.n_learned}
        rows = [(f"{x:.0%}", *(length_of_share(n, x) for n in lengths.values())) for x in SHARES]
        if lengths:
            _table(msg, ("spans of so many tokens or fewer", *lengths), rows)
        _print_findings(msg, case.findings, "lengths")
        msg.divider("Tokens")
        _print_remarks(msg, groups)
        _print_findings(msg, case.findings, "tokens")
    if any(finding.topic == "config" for finding in case.findings):
        msg.divider("Config")
        _print_findings(msg, case.findings, "config")


def _print_findings(msg: Printer, findings: Iterable[Finding], *topics: str) -> None:
    show: dict[str, Any] = {
        "good": msg.good,
        "info": msg.info,
        "warning": msg.warn,
        "error": msg.fail,
    }
    for finding in findings:
        if finding.topic in topics:
            show[finding.level](finding.text)


def _label_rows(groups: Groups) -> Iterator[Row]:
    for label in dict.fromkeys(k for g in groups.values() for k, _ in g.labels.most_common()):
        longest = max(max(g.lengths.get(label, {}), default=0) for g in groups.values())
        misaligned = sum(group.count(MISALIGNED, label) for group in groups.values())
        counts = (group.labels[label] for group in groups.values())
        yield show_label(label), *counts, longest, misaligned


def _nesting_rows(groups: Groups) -> Iterator[Row]:
    for depth in sorted({depth for group in groups.values() for depth in group.depths}):
        yield f"depth {depth}", *(_share(g.depths[depth], g) for g in groups.values())
    for kind in RELATIONS:
        yield kind, *(_share(group.relations[kind], group) for group in groups.values())


def _share(count: int, group: GroupStatistics) -> str:
    return f"{count} ({count / group.n_spans:.2%})"


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
