"""`spacy global-pointer convert`: published corpus formats to spaCy's .spacy files."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Dict, List, Optional, Pattern, Sequence, Tuple
from typing import Counter as CounterType

import spacy
from spacy.tokens import DocBin
from tqdm import tqdm
from typer import Argument, Option
from wasabi.printer import Printer

from spacy_globalpointer.corpora import (
    ALIGNMENTS,
    FORMATS,
    OUTCOMES,
    UNSPACED_LANGUAGES,
    Record,
    read_records,
    record_to_doc,
)

from .outputs import replacing

SUFFIXES = re.compile(r"\.(jsonl|json|bio|bioes|bmes|iob|conll|tsv)(\.gz)?$")


@dataclass
class Report:
    """What a conversion did.

    written: the .spacy files.
    n_docs: documents in them.
    n_unannotated: documents without a group of spans among them.
    outcomes (spans): counts by label and outcome, one of corpora.OUTCOMES.
    """

    written: List[Path] = field(default_factory=list)
    n_docs: int = 0
    n_unannotated: int = 0
    outcomes: CounterType[Tuple[str, str]] = field(default_factory=Counter)

    def add(self, record: Record, outcomes: Sequence[str]) -> None:
        """Count one document.

        record: what it was made of.
        outcomes: what became of each span of the record.
        """
        labels = (label for _, _, label in record.spans or ())
        self.outcomes.update(zip(labels, outcomes, strict=True))
        self.n_docs += 1
        self.n_unannotated += record.spans is None

    def count(self, outcome: str, label: Optional[str] = None) -> int:
        """Spans with one outcome.

        outcome: one of corpora.OUTCOMES.
        label: count only this one; None counts all.
        RETURNS (spans): how many there were.
        """
        return sum(n for (k, o), n in self.outcomes.items() if o == outcome and label in (None, k))


def convert_cli(
    inputs: Annotated[List[Path], Argument(help="Files to convert, or folders of them")],
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
        Option("--alignment", "-a", help=f"Spans off the token borders: {', '.join(ALIGNMENTS)}"),
    ] = "skip",
    limit: Annotated[
        int, Option("--limit", "-n", min=0, help="Documents to take from each input file; 0: all")
    ] = 0,
) -> None:
    """
    Convert nested entity corpora to .spacy files for training.

    Formats: jsonl (text and spans with character offsets), cluener, cmeee (as
    published), bio (columns of BIO, BIOES, BMES or BILOU tags, one per layer).
    Files may be compressed (.gz).

    $ spacy global-pointer convert train.jsonl train.spacy --lang en
    """
    options = {"format": format, "lang": lang, "spans_key": spans_key, "alignment": alignment}
    msg = Printer()
    try:
        report = convert(inputs, output, **options, limit=limit, silent=False)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Conversion stopped", str(error), exits=1)
    _print_report(msg, report)


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
) -> Report:
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
    RAISES (ValueError): malformed data; with alignment "fail", a span off the token borders.
    """
    nlp = spacy.blank(lang)
    joiner = "" if lang in UNSPACED_LANGUAGES else " "
    report = Report()
    for target, sources in plan_files(inputs, output).items():
        doc_bin = DocBin()
        for source in sources:
            records = islice(read_records(source, format=format, joiner=joiner), limit or None)
            # None: tqdm shows its bar on a terminal only.
            for record in tqdm(records, source.name, unit=" docs", disable=silent or None):
                doc, outcomes = record_to_doc(record, nlp, spans_key=spans_key, alignment=alignment)
                doc_bin.add(doc)
                report.add(record, outcomes)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as partial:
            doc_bin.to_disk(partial)
        report.written.append(target)
    return report


def plan_files(inputs: Sequence[Path], output: Path) -> Dict[Path, List[Path]]:
    """Which files go into which .spacy file.

    inputs: files, or folders whose files with a known suffix are taken.
    output: a path ending in .spacy, or a folder.
    RETURNS: the input files of each output file, in order.
    RAISES (ValueError): no input, or two input files for one file of a folder.
    """
    plan: Dict[Path, List[Path]] = {}
    for path in inputs:
        for source in find_sources(path):
            if output.suffix == ".spacy":
                plan.setdefault(output, []).append(source)
                continue
            relative = source.relative_to(path) if path.is_dir() else Path(source.name)
            target = output / relative.with_name(SUFFIXES.sub("", source.name) + ".spacy")
            if target in plan:
                raise ValueError(
                    f"each input must have an output file of its own, was: {target} for "
                    f"{plan[target][0]} and {source}. Rename one, or name a .spacy file as output"
                )
            plan[target] = [source]
    return plan


def find_sources(path: Path, suffixes: Pattern[str] = SUFFIXES) -> List[Path]:
    """The file, or the files of a folder that may hold a corpus.

    suffixes: of these files.
    RAISES (ValueError): there is none.
    """
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


def _print_report(msg: Printer, report: Report) -> None:
    labels = sorted({label for label, _ in report.outcomes})
    total = sum(report.outcomes.values())
    rows = [(label, *(report.count(outcome, label) for outcome in OUTCOMES)) for label in labels]
    if rows:
        msg.table(
            rows,
            header=("label", *OUTCOMES),
            footer=("all", *(report.count(outcome) for outcome in OUTCOMES)),
            aligns=("l", *("r" for _ in OUTCOMES)),
            divider=True,
        )
    n_skipped = report.count("skipped")
    if n_skipped:
        msg.warn(
            f"{n_skipped} of {total} spans ({n_skipped / total:.1%}) do not fit the tokens and "
            "were left out",
            "Use --alignment expand to widen them, or --alignment fail to see the first one.",
        )
    if report.n_unannotated:
        msg.warn(
            f"{report.n_unannotated} of {report.n_docs} documents are not annotated",
            "They teach the component nothing. A text without spans needs an empty list of them.",
        )
    for path in report.written:
        msg.good(f"Wrote {path}")
    msg.good(f"Converted {report.n_docs} documents with {total} spans")
