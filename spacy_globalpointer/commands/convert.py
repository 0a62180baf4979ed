"""`spacy global-pointer convert`: published corpus formats to spaCy's .spacy files."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from re import Pattern
from typing import Annotated

import spacy
from spacy.tokens import DocBin
from tqdm import tqdm
from typer import Argument, Option
from wasabi.printer import Printer

from ..corpora import (
    ALIGNMENTS,
    FORMATS,
    OUTCOMES,
    UNSPACED_LANGUAGES,
    Record,
    read_records,
    record_to_doc,
)
from ..corpora.messages import excerpt, list_some
from .labels import show_label
from .outputs import replacing

SUFFIXES = re.compile(r"\.(jsonl|json|bio|bioes|bmes|iob|conll|tsv)(\.gz)?$")
# Spans that were left out, and remarks, that are shown.
MOST_SHOWN = 3


def convert_cli(
    inputs: Annotated[list[Path], Argument(help="Files to convert, or folders of them")],
    output: Annotated[
        Path, Argument(help="A .spacy file for everything, or a folder for one per input file")
    ],
    format: Annotated[
        str, Option("--format", "-f", help=f"Format of the input: auto, {', '.join(FORMATS)}")
    ] = "auto",
    lang: Annotated[
        str, Option("--lang", "-l", help="Language code, for the tokenizer of data without tokens")
    ] = "en",
    spans_key: Annotated[
        str, Option("--spans-key", "-k", help="Name of the group in doc.spans")
    ] = "sc",
    alignment: Annotated[
        str,
        Option("--alignment", "-a", help=f"Spans that do not fit tokens: {', '.join(ALIGNMENTS)}"),
    ] = "skip",
    limit: Annotated[
        int, Option("--limit", "-n", min=0, help="Documents to read from each input file; 0: all")
    ] = 0,
) -> None:
    """
    Convert nested entity corpora to .spacy files for training.

    Formats: jsonl (text and spans with character offsets), json (an array of the
    same), cluener, cmeee (as published), bio (columns of BIO, IOB1, BIOES, BMES
    or BILOU tags, one per layer). Files may be compressed (.gz).

    Anything that looks like annotation but is not read is an error, and so is a
    file whose spans are all left out.

    $ spacy global-pointer convert train.jsonl train.spacy --lang en
    """
    msg = Printer()
    try:
        report = convert(
            inputs,
            output,
            format=format,
            lang=lang,
            spans_key=spans_key,
            alignment=alignment,
            limit=limit,
            silent=False,
        )
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Conversion stopped", str(error), exits=1)
    _print_report(msg, report, lang)


@dataclass
class Conversion:
    """What a conversion did.

    written: the .spacy files.
    n_docs, n_unannotated: documents in them, and those without a group of spans.
    outcomes (spans): counts by label and outcome, one of corpora.OUTCOMES.
    skipped: of each input file the first spans that were left out, in their text.
    empty: input files in which no record has a span.
    notes (documents): what else was left out or changed.
    """

    written: list[Path] = field(default_factory=list)
    n_docs: int = 0
    n_unannotated: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: dict[Path, list[str]] = field(default_factory=dict)
    empty: list[Path] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record, outcomes: Sequence[str], source: Path) -> None:
        """Count a document of an input file, and what became of each span of its record."""
        shown = self.skipped.setdefault(source, [])
        for (start, end, label), outcome in zip(record.spans or (), outcomes, strict=True):
            self.outcomes[label, outcome] += 1
            if outcome == "skipped" and len(shown) < MOST_SHOWN:
                text = excerpt(record.text, start, end)
                shown += [text] if text not in shown else []
        self.n_docs += 1
        self.n_unannotated += record.spans is None
        self.notes.update(record.notes)

    def count(self, outcome: str, label: str | None = None) -> int:
        """Spans with one outcome, of one label or of all."""
        found = self.outcomes.items()
        return sum(n for (name, what), n in found if what == outcome and label in (None, name))


def convert(
    inputs: Sequence[Path],
    output: Path,
    *,
    format: str = "auto",
    lang: str = "en",
    spans_key: str = "sc",
    alignment: str = "skip",
    limit: int = 0,
    silent: bool = True,
) -> Conversion:
    """Write the documents of corpus files as .spacy files. A file is written whole or not at all.

    inputs: files, or folders whose files with a known suffix are taken.
    output: a path ending in .spacy takes all documents; any other is a folder for one .spacy file
        per input file.
    format: a name in corpora.FORMATS, or "auto".
    lang: spaCy's code of the language, for the tokenizer.
    spans_key: name of the group in doc.spans.
    alignment: one of corpora.ALIGNMENTS.
    limit (documents): taken from each input file; 0 means all.
    silent: show no progress.
    RAISES (ValueError): malformed data; a file of whose spans none fits the tokens; with alignment
        "fail", a span that does not fit them.
    """
    nlp = spacy.blank(lang)
    joiner = "" if lang in UNSPACED_LANGUAGES else " "
    report = Conversion()
    for target, sources in _plan_files(inputs, output).items():
        doc_bin = DocBin()
        for source in sources:
            records = islice(read_records(source, format=format, joiner=joiner), limit or None)
            before = report.outcomes.copy()
            # None: tqdm shows its bar on a terminal only.
            for record in tqdm(records, source.name, unit=" docs", disable=silent or None):
                doc, outcomes = record_to_doc(record, nlp, spans_key=spans_key, alignment=alignment)
                doc_bin.add(doc)
                report.add(record, outcomes, source)
            own = report.outcomes - before
            if own and all(outcome == "skipped" for _, outcome in own):
                raise ValueError(
                    f"{source}: spans must fit the tokens, but all {own.total()} were left out. "
                    f"{_advise(report.skipped[source], lang)}"
                )
            report.empty += [] if own else [source]
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as partial:
            doc_bin.to_disk(partial)
        report.written.append(target)
    return report


def _plan_files(inputs: Sequence[Path], output: Path) -> dict[Path, list[Path]]:
    """The input files of each output file, in order, each once."""
    seen: set[Path] = set()
    plan: dict[Path, list[Path]] = {}
    for path in inputs:
        for source in find_sources(path):
            if source.resolve() in seen:
                continue
            seen.add(source.resolve())
            relative = source.relative_to(path) if path.is_dir() else Path(source.name)
            target = output / relative.with_name(SUFFIXES.sub("", source.name) + ".spacy")
            if output.suffix == ".spacy":
                target = output
            elif target in plan:
                raise ValueError(
                    f"each input must have an output file of its own, was: {target} for "
                    f"{plan[target][0]} and {source}. Rename one, or name a .spacy file as output"
                )
            plan.setdefault(target, []).append(source)
    return plan


def find_sources(path: Path, suffixes: Pattern[str] = SUFFIXES) -> list[Path]:
    """The file, or the files of a folder that may hold a corpus.

    suffixes: of these files.
    RAISES (ValueError): there is none.
    """
    if not path.exists():
        raise ValueError(f"an input must be there, was: {path}, which is missing")
    if path.is_file():
        return [path]
    sources = sorted(
        source
        for source in path.rglob("*")
        if suffixes.search(source.name) and source.is_file() and not source.name.startswith(".")
    )
    if not sources:
        raise ValueError(
            f"an input must be a file or a folder with corpus files in it, was: {path}. "
            "In a folder files are known by their suffix: "
            ".jsonl .json .bio .bioes .bmes .iob .conll .tsv, also with .gz; name others one by one"
        )
    return sources


def _advise(skipped: Sequence[str], lang: str) -> str:
    """What to do about spans that were left out, of which some are given."""
    return (
        "If these are not what was marked, repair the offsets: characters from 0, end exclusive. "
        f"If they are, is the language right (--lang {lang})? "
        "--alignment expand widens spans to whole tokens, --alignment fail names the first. "
        f"Left out, such as: {'; '.join(skipped)}"
    )


def _print_report(msg: Printer, report: Conversion, lang: str) -> None:
    total, n_skipped = report.outcomes.total(), report.count("skipped")
    if total:
        labels = sorted({label for label, _ in report.outcomes})
        msg.table(
            [(show_label(x), *(report.count(outcome, x) for outcome in OUTCOMES)) for x in labels],
            header=("label", *OUTCOMES),
            footer=("all", *map(report.count, OUTCOMES)),
            aligns=("l", *"r" * len(OUTCOMES)),
            divider=True,
        )
    if n_skipped:
        msg.warn(
            f"{n_skipped} of {total} spans ({n_skipped / total:.1%}) do not fit the tokens and "
            "were left out",
            _advise([*chain(*report.skipped.values())][:MOST_SHOWN], lang),
        )
    if report.n_unannotated:
        msg.warn(
            f"{report.n_unannotated} of {report.n_docs} documents are not annotated",
            "They teach the component nothing. A text without spans needs an empty list of them.",
        )
    if report.empty:
        msg.warn(f"No record has a span in: {list_some(report.empty)}")
    for note, n in report.notes.most_common(MOST_SHOWN):
        msg.warn(f"{note} ({n} documents)")
    if len(report.notes) > MOST_SHOWN:
        msg.warn(f"{len(report.notes) - MOST_SHOWN} more remarks like these")
    show = msg.good if total and not (n_skipped or report.empty) else msg.info
    for path in report.written:
        show(f"Wrote {path}")
    n_kept = total - n_skipped - report.count("duplicate")
    of_all = "" if n_kept == total else f" of {total}"
    show(f"Converted {report.n_docs} documents with {n_kept}{of_all} spans")
