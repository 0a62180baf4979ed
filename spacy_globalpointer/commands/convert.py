"""`spacy global-pointer convert`: published corpus formats to spaCy's .spacy files."""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from re import Pattern
from typing import Annotated

from spacy.tokens import DocBin
from tqdm import tqdm
from typer import Argument, Option
from wasabi.printer import Printer

from ..corpora import (
    ALIGNMENTS,
    FORMATS,
    UNSPACED_LANGUAGES,
    Reading,
    detect_format,
    read_records,
    record_to_doc,
)
from ..corpora.readers.brat import list_texts_alone
from .conversion import Conversion, Outcomes, advise_offsets, print_conversion
from .inputs import check_keys, make_blank
from .outputs import check_output, replacing

TEXTS = "jsonl json bio bioes bmes iob conll conllu conllup tsv ann xml pubtator".split()
SUFFIXES = re.compile(rf"\.(?:({'|'.join(TEXTS)}|pubtator\.txt)(\.gz)?|parquet)$", re.IGNORECASE)


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
    relations_key: Annotated[
        str, Option("--relations-key", "-r", help="Name of the group of relations in doc.spans")
    ] = "relations",
    events_key: Annotated[
        str, Option("--events-key", "-e", help="Name of the group of events in doc.spans")
    ] = "events",
    alignment: Annotated[
        str,
        Option("--alignment", "-a", help=f"Spans that do not fit tokens: {', '.join(ALIGNMENTS)}"),
    ] = "skip",
    column: Annotated[
        list[str] | None,
        Option(
            "--column",
            "-c",
            help="Name or number (from 1) of a column of tags, name of a layer of WebAnno or of an "
            "infon of BioC; may be given several times",
        ),
    ] = None,
    tag_names: Annotated[
        str,
        Option(
            "--tag-names",
            "-t",
            help="Names of tags that are numbers, from 0, with commas between: O,B-PER,I-PER",
        ),
    ] = "",
    limit: Annotated[
        int, Option("--limit", "-n", min=0, help="Documents to read from each input file; 0: all")
    ] = 0,
) -> None:
    """
    Convert nested entity corpora to .spacy files for training.

    Formats: jsonl (text, spans with character offsets, relations and events of them),
    exports of doccano, label-studio and prodigy, hugging-face (tokens and ner_tags),
    gliner, dygie, spacy2 (text and entities), cluener and cmeee as published: each as
    JSON lines, a JSON array or parquet. spacy (.spacy files), bio (columns of BIO,
    IOB1, BIOES, BMES or BILOU tags, one per layer: CoNLL-2003, CoNLL-U, GermEval),
    webanno (TSV 3), pubtator, bioc (XML or JSON), brat (.ann files with their .txt
    files). Files may be compressed (.gz).

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
            relations_key=relations_key,
            events_key=events_key,
            alignment=alignment,
            columns=column or (),
            tag_names=tuple(name.strip() for name in tag_names.split(",") if name.strip()),
            limit=limit,
            silent=False,
        )
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Conversion stopped", str(error), exits=1)
    print_conversion(msg, report, lang)


def convert(
    inputs: Sequence[Path],
    output: Path,
    *,
    format: str = "auto",
    lang: str = "en",
    spans_key: str = "sc",
    relations_key: str = "relations",
    events_key: str = "events",
    alignment: str = "skip",
    columns: Sequence[str] = (),
    tag_names: Sequence[str] = (),
    limit: int = 0,
    silent: bool = True,
) -> Conversion:
    """Write the documents of corpus files as .spacy files. A file is written whole or not at all.

    inputs: files, or folders whose files with a known suffix are taken.
    output: a path ending in .spacy takes all documents; any other is a folder for one .spacy file
        per input file.
    format: a name in corpora.FORMATS, or "auto".
    lang: spaCy's code of the language, for the tokenizer.
    spans_key, relations_key, events_key: of doc.spans; also of groups to read in .spacy files.
    alignment: one of corpora.ALIGNMENTS.
    columns: of tags, layers, or infons, that hold the labels; empty for the usual.
    tag_names: of tags that are numbers, by number.
    limit (documents): taken from each input file; 0 means all.
    silent: show no progress.
    RAISES (ValueError): malformed data; a file whose format is not clear, or of whose spans none
        fits the tokens; with alignment "fail", a span that does not fit them.
    """
    check_keys("--spans-key", spans_key, relations_key, events_key)
    nlp = make_blank(lang)
    joiner = "" if lang in UNSPACED_LANGUAGES else " "
    reading = Reading(
        joiner, tuple(tag_names), spans_key, relations_key, events_key, columns=tuple(columns)
    )
    report = Conversion(texts_alone=_list_texts_alone(inputs))
    for target, sources in _plan_files(inputs, output).items():
        doc_bin = DocBin()
        for source in sources:
            own_format = detect_format(source) if format == "auto" else format
            records = islice(
                read_records(source, format=own_format, reading=reading), limit or None
            )
            before, n_before = report.outcomes.copy(), report.n_docs
            # None: tqdm shows its bar on a terminal only.
            for record in tqdm(records, source.name, unit=" docs", disable=silent or None):
                doc, spans, relations, events = record_to_doc(
                    record,
                    nlp,
                    spans_key=spans_key,
                    relations_key=relations_key,
                    events_key=events_key,
                    alignment=alignment,
                )
                doc_bin.add(doc)
                report.add(record, spans, relations, events, source)
            if report.n_docs == n_before:
                raise ValueError(f"{source}: a file must hold documents, was: none. Leave it out")
            report.formats[own_format] += 1
            _check_file(report, report.outcomes - before, source, lang)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as partial:
            doc_bin.to_disk(partial)
        report.written.append(target)
    return report


def _check_file(report: Conversion, own: Outcomes, source: Path, lang: str) -> None:
    """Refuse a file all of whose spans were left out, and list one without any.

    own: outcomes of its spans.
    """
    if own and all(outcome == "skipped" for _, outcome in own):
        raise ValueError(
            f"{source}: spans must fit the tokens, but all {own.total()} were left out. "
            f"{advise_offsets(report.skipped[source], lang)}"
        )
    report.empty += [] if own else [source]


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
            stem = SUFFIXES.sub("", source.name).removesuffix(".spacy")
            target = output / relative.with_name(f"{stem}.spacy")
            if output.suffix == ".spacy":
                target = output
            elif target in plan:
                raise ValueError(
                    f"each input must have an output file of its own, was: {target} for "
                    f"{plan[target][0]} and {source}. Rename one, or name a .spacy file as output"
                )
            if target.resolve() == source.resolve():
                raise ValueError(f"an output must not be an input, was: {target}. Name another")
            check_output(target, "an output")
            plan.setdefault(target, []).append(source)
    return plan


def _list_texts_alone(inputs: Sequence[Path]) -> list[Path]:
    """Texts in folders of brat that have no annotation."""
    folders = {file.parent for path in inputs if path.is_dir() for file in path.rglob("*.ann")}
    return [text for folder in sorted(folders) for text in list_texts_alone(folder)]


def find_sources(path: Path, suffixes: Pattern[str] = SUFFIXES) -> list[Path]:
    """The file, or the files of a folder that may hold a corpus.

    suffixes: of these files. Of a folder without any its .spacy files are taken: beside others
        they are what was made of them.
    RAISES (ValueError): there is none.
    """
    if not path.exists():
        raise ValueError(f"an input must be there, was: {path}, which is missing")
    if path.is_file():
        return [path]
    files = [file for file in sorted(path.rglob("*")) if file.name[0] != "."]
    lost = [file for file in files if suffixes.search(file.name) and not file.exists()]
    if lost:
        raise ValueError(
            f"an input must be there, was: {lost[0]}, a link to what is missing. Repair it"
        )
    files = [file for file in files if file.is_file()]
    sources = [file for file in files if suffixes.search(file.name)]
    sources = sources or [file for file in files if file.suffix == ".spacy"]
    if not sources:
        raise ValueError(
            f"an input must be a file or a folder with corpus files in it, was: {path}. "
            "In a folder files are known by their suffix: .spacy .parquet, and "
            f".{' .'.join(TEXTS)} with or without .gz; name others one by one"
        )
    return sources
