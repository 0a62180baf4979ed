"""Reads annotated data once and gathers what can be said of it: a training config's, or files'."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.training import Corpus, Example
from tqdm import tqdm

from ...corpora import UNSPACED_LANGUAGES, read_records
from ...corpora.messages import shorten
from .case import INFO, Case, Finding
from .configured import Setup, find_in_config, known_labels, load_setup, may_drop
from .findings import advise_key, find_all, find_leaks, find_notes
from .gold import Document, read_example, read_record
from .pieces import PieceCounter, find_pieces
from .statistics import SplitStatistics
from .windows import Window, find_window

TRAIN, DEV = "train", "dev"


@dataclass
class Survey:
    """All that was found.

    lang: of the tokenizer.
    splits: the counts, by name of the split.
    cases: a case for each component; one for data files alone.
    findings: about all the data, then about each case, in the order of `cases`.
    """

    lang: str
    splits: dict[str, SplitStatistics]
    cases: list[Case]
    shared: list[Finding] = field(default_factory=list)
    findings: list[list[Finding]] = field(default_factory=list)

    def all_findings(self) -> list[Finding]:
        """The findings of the data and of all cases."""
        return [*self.shared, *(finding for own in self.findings for finding in own)]

    def to_dict(self) -> dict[str, Any]:
        """All counts and findings, as JSON takes them."""
        return {
            "lang": self.lang,
            "splits": {name: split.to_dict() for name, split in self.splits.items()},
            "findings": [finding.to_dict() for finding in self.shared],
            "components": {
                case.name: {
                    "spans_key": case.key,
                    "settings": case.settings,
                    "findings": [finding.to_dict() for finding in findings],
                }
                for case, findings in zip(self.cases, self.findings, strict=True)
            },
        }


def survey_files(
    paths: Sequence[Path],
    dev: Sequence[Path] = (),
    *,
    lang: str = "en",
    spans_key: str = "sc",
    format: str = "auto",
    low: int = 50,
    limit: int = 0,
    silent: bool = True,
) -> Survey:
    """Look over data files.

    paths: .spacy files, or files in one of corpora.FORMATS; each is read once.
    dev: files of the same kind that hold the documents to score.
    lang: spaCy's code of the language, for the tokenizer.
    spans_key: name of the group of spans.
    format: a name in corpora.FORMATS, or "auto".
    low (spans): fewer examples of a label are few.
    limit (documents): read from each split; 0 means all.
    silent: show no progress.
    RAISES (ValueError): data that cannot be read.
    """
    nlp = spacy.blank(lang)
    splits: dict[str, SplitStatistics] = {}
    for name, files in {TRAIN if dev else "data": paths, DEV: dev}.items():
        if files:
            once = {path.resolve(): path for path in files}.values()
            documents = (doc for path in once for doc in _read_file(path, nlp, spans_key, format))
            splits[name] = SplitStatistics([spans_key], other=splits.get(TRAIN))
            _add_all(splits[name], documents, name, limit, silent)
    case = Case(spans_key, splits, low=low, lang=lang)
    survey = Survey(lang, splits, [case], [*find_notes(splits), *find_leaks(splits)])
    survey.findings.append(find_all(case))
    if spans_key != "sc":
        text = f"With spans_key = {spans_key!r} the score weights must name it"
        survey.findings[0].append(Finding("config", INFO, text, advise_key(spans_key)))
    return survey


def survey_config(
    path: Path,
    overrides: dict[str, Any] | None = None,
    *,
    low: int = 50,
    limit: int = 0,
    silent: bool = True,
) -> Survey:
    """Look over the data of a training config, as its readers give it, and what it says of them.

    path: the config; "-" reads it from standard input.
    overrides: of the config, by dotted name.
    low (spans): fewer examples of a label are few.
    limit (documents): read from each split; 0 means all.
    silent: show no progress.
    RAISES (ValueError): a config without the component, data that cannot be read.
    """
    setup = load_setup(path, overrides or {})
    windows = {name: find_window(setup.config, name) for name in setup.pipes}
    keys = {pipe.key: windows[name] for name, pipe in setup.pipes.items()}
    counters = {name: find_pieces(setup.nlp, name, setup.sourced) for name in setup.pipes}
    pieces = {setup.pipes[name].key: own for name, own in counters.items() if own is not None}
    splits: dict[str, SplitStatistics] = {}
    for name, corpus in ((TRAIN, setup.train), (DEV, setup.dev)):
        splits[name] = SplitStatistics(list(keys), keys, splits.get(TRAIN))
        documents = _read_corpus(corpus, setup.nlp, list(keys), name, pieces)
        _add_all(splits[name], documents, name, limit, silent)
    survey = Survey(str(setup.nlp.lang), splits, [], list(find_leaks(splits)))
    for name in setup.pipes:
        case = _make_case(setup, name, splits, windows[name], low)
        case.pieces = pieces.get(case.key)
        survey.cases.append(case)
        survey.findings.append([*find_all(case), *find_in_config(setup, case, limit)])
    return survey


def _make_case(
    setup: Setup,
    name: str,
    splits: dict[str, SplitStatistics],
    window: Window | None,
    low: int,
) -> Case:
    pipe = setup.pipes[name]
    return Case(
        pipe.key,
        splits,
        name,
        dict(pipe.cfg),
        known_labels(setup, name),
        window,
        low,
        lang=str(setup.nlp.lang),
        is_config=True,
        is_cut=may_drop(setup.train) or may_drop(setup.dev),
    )


def _read_file(path: Path, nlp: Language, key: str, format: str) -> Iterator[Document]:
    if path.suffix == ".spacy":
        yield from _read_corpus(Corpus(path), nlp, [key], str(path))
        return
    joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
    for record in read_records(path, format=format, joiner=joiner):
        yield read_record(record, nlp, key)


def _read_corpus(
    corpus: Callable[[Language], Iterable[Example]],
    nlp: Language,
    keys: Sequence[str],
    name: str,
    pieces: Mapping[str, PieceCounter] = {},
) -> Iterator[Document]:
    for example in _readable(corpus(nlp), name):
        yield read_example(example, keys, pieces)


def _readable(examples: Iterable[Example], name: str) -> Iterator[Example]:
    """The same; whatever a reader stumbles over is a clear error."""
    try:
        yield from examples
    except (OSError, ImportError):
        raise
    except Exception as error:  # decompression and msgpack raise many kinds
        raise ValueError(
            f"{name} must be readable, was: {type(error).__name__}: {shorten(str(error), 400)} "
            "Is the file damaged, or of another format?"
        ) from error


def _add_all(
    split: SplitStatistics, documents: Iterator[Document], name: str, limit: int, silent: bool
) -> None:
    # None: tqdm shows its bar on a terminal only.
    shown = tqdm(islice(documents, limit or None), name, unit=" docs", disable=silent or None)
    for document in shown:
        split.add(document)
