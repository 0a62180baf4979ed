"""Reads annotated data once and gathers what can be said of it: a training config's, or files'."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.training import Corpus, Example
from tqdm import tqdm

from ...corpora import UNSPACED_LANGUAGES, read_records
from ...corpora.docbin import read_docbin
from ...corpora.messages import shorten
from ..convert import find_sources
from .case import Case, Finding
from .config import find_in_config, known_labels, load_setup, may_drop
from .encoder import Encoder, find_encoder
from .findings import advise_key, find_all, find_in_documents
from .gold import GoldText, read_example, read_record
from .statistics import SplitStatistics


@dataclass
class Survey:
    """All that was found."""

    lang: str
    splits: dict[str, SplitStatistics]
    cases: list[Case]  # one for each component; one for data files
    shared: list[Finding]  # about all data

    def all_findings(self) -> list[Finding]:
        return [*self.shared, *(finding for case in self.cases for finding in case.findings)]

    def to_dict(self) -> dict[str, Any]:
        """All counts and findings, ready for JSON."""
        return {
            "lang": self.lang,
            "splits": {name: split.to_dict() for name, split in self.splits.items()},
            "findings": [asdict(finding) for finding in self.shared],
            "components": {
                case.name: {
                    "spans_key": case.key,
                    "settings": case.settings,
                    "findings": [asdict(finding) for finding in case.findings],
                }
                for case in self.cases
            },
        }


@contextmanager
def _few_warnings() -> Iterator[None]:
    """Leave out spaCy's warnings of each text that does not align: the spans are counted."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\[W(030|033|090|119)\]")
        yield


@_few_warnings()
def debug_data(
    names: Sequence[str | Path],
    dev: Sequence[str | Path] = (),
    *,
    lang: str = "en",
    spans_key: str = "sc",
    format: str = "auto",
    low: int = 50,
    limit: int = 0,
) -> Survey:
    """Look over data files, or folders of them, as the command's options say."""
    inputs = {"train": names, "dev": dev} if dev else {"data": names}
    files = {name: _find_data(map(Path, paths)) for name, paths in inputs.items()}
    nlp = spacy.blank(lang)
    texts = {name: _read_files(own, nlp, spans_key, format) for name, own in files.items()}
    splits = _count(texts, {spans_key: None}, limit)
    case = Case(spans_key, splits, low=low, lang=lang)
    case.findings = find_all(case)
    if spans_key != "sc":
        text = f"With spans_key = {spans_key!r} the score weights must name it"
        case.findings.append(Finding("config", "info", text, advise_key(spans_key)))
    return Survey(lang, splits, [case], list(find_in_documents(splits)))


@_few_warnings()
def debug_config(
    path: str, overrides: dict[str, Any] | None = None, *, low: int = 50, limit: int = 0
) -> Survey:
    """Look over the data of a training config, as its readers give it, and what it says of them."""
    setup = load_setup(path, overrides or {})
    lang, pipes = str(setup.nlp.lang), setup.pipes
    encoders = {pipe.key: find_encoder(setup.nlp, k, setup.sourced) for k, pipe in pipes.items()}
    texts = {
        name: (read_example(example, encoders) for example in _readable(reader(setup.nlp), name))
        for name, reader in setup.readers.items()
    }
    splits = _count(texts, encoders, limit)
    is_cut = any(map(may_drop, setup.readers.values()))
    cases = []
    for name, pipe in pipes.items():
        known, cfg = known_labels(setup, name), dict(pipe.cfg)
        case = Case(pipe.key, splits, name, cfg, known, low, lang, is_config=True, is_cut=is_cut)
        case.findings = [*find_all(case), *find_in_config(setup, case, limit)]
        cases.append(case)
    return Survey(lang, splits, cases, list(find_in_documents(splits)))


def _find_data(paths: Iterable[Path]) -> list[Path]:
    """Data files, each once: those given, and of a folder its .spacy files, or else all."""
    files: dict[Path, Path] = {}
    for path in paths:
        found = sorted(path.rglob("*.spacy")) if path.is_dir() else []
        files.update({file.resolve(): file for file in found or find_sources(path)})
    return list(files.values())


def _read_files(files: list[Path], nlp: Language, key: str, format: str) -> Iterator[GoldText]:
    joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
    for file in files:
        if file.suffix == ".spacy":
            for example in Corpus(file).make_examples(nlp, read_docbin(file, nlp.vocab)):
                yield read_example(example, [key])
        else:
            for record in read_records(file, format=format, joiner=joiner):
                yield read_record(record, nlp, key)


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


def _count(
    texts: Mapping[str, Iterable[GoldText]], encoders: Mapping[str, Encoder | None], limit: int
) -> dict[str, SplitStatistics]:
    """Count the texts of each split; those of training come first."""
    splits: dict[str, SplitStatistics] = {}
    for name, own in texts.items():
        splits[name] = SplitStatistics(encoders, splits.get("train"))
        # None: tqdm shows its bar on a terminal only.
        for text in tqdm(islice(own, limit or None), name, unit=" docs", disable=None):
            splits[name].add(text)
    return splits
