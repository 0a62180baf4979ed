"""Reads annotated data once and gathers what can be said of it: a training config's, or files'."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from .case import INFO, Case, Finding
from .config import find_in_config, known_labels, load_setup, may_drop
from .encoder import Encoder, find_encoder
from .findings import advise_key, find_all, find_leaks, find_notes
from .gold import GoldText, read_example, read_record
from .statistics import SplitStatistics

TRAIN, DEV = "train", "dev"


@dataclass
class Survey:
    """All that was found: the counts by split, a case for each component, findings about all data.

    Data files alone have one case.
    """

    lang: str
    splits: dict[str, SplitStatistics]
    cases: list[Case]
    shared: list[Finding]

    def all_findings(self) -> list[Finding]:
        """The findings about the data and about all cases."""
        return [*self.shared, *(finding for case in self.cases for finding in case.findings)]

    def to_dict(self) -> dict[str, Any]:
        """All counts and findings, ready for JSON."""
        return {
            "lang": self.lang,
            "splits": {name: split.to_dict() for name, split in self.splits.items()},
            "findings": [finding.to_dict() for finding in self.shared],
            "components": {
                case.name: {
                    "spans_key": case.key,
                    "settings": case.settings,
                    "findings": [finding.to_dict() for finding in case.findings],
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
    names: Sequence[str],
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

    names: .spacy files, or files in one of corpora.FORMATS, or folders of them.
    dev: those with the documents to score.
    lang: spaCy's code of the language, for the tokenizer.
    spans_key: name of the group of spans.
    format: a name in corpora.FORMATS, or "auto".
    low (spans): fewer examples of a label are few.
    limit (documents): read from each split; 0 means all.
    silent: show no progress.
    RAISES (ValueError): data that cannot be read.
    """
    inputs = {TRAIN if dev else "data": list(map(Path, names)), DEV: dev}
    files = {
        name: {file.resolve(): file for path in paths for file in find_data(path)}.values()
        for name, paths in inputs.items()
        if paths
    }
    nlp = spacy.blank(lang)
    texts = {
        name: (text for file in own for text in _read_file(file, nlp, spans_key, format))
        for name, own in files.items()
    }
    splits = _count(texts, {spans_key: None}, limit, silent)
    case = Case(spans_key, splits, low=low, lang=lang)
    case.findings = find_all(case)
    if spans_key != "sc":
        text = f"With spans_key = {spans_key!r} the score weights must name it"
        case.findings.append(Finding("config", INFO, text, advise_key(spans_key)))
    return Survey(lang, splits, [case], [*find_notes(splits), *find_leaks(splits)])


@_few_warnings()
def debug_config(
    path: str,
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
    encoders = {
        pipe.key: find_encoder(setup.nlp, name, setup.sourced) for name, pipe in setup.pipes.items()
    }
    texts = {
        name: (read_example(example, encoders) for example in _readable(reader(setup.nlp), name))
        for name, reader in setup.readers.items()
    }
    splits = _count(texts, encoders, limit, silent)
    survey = Survey(str(setup.nlp.lang), splits, [], list(find_leaks(splits)))
    for name, pipe in setup.pipes.items():
        case = Case(
            pipe.key,
            splits,
            name,
            dict(pipe.cfg),
            known_labels(setup, name),
            low,
            survey.lang,
            is_config=True,
            is_cut=any(map(may_drop, setup.readers.values())),
        )
        case.findings = [*find_all(case), *find_in_config(setup, case, limit)]
        survey.cases.append(case)
    return survey


def find_data(path: Path) -> list[Path]:
    """The data file, or those in a folder: its .spacy files if it has some.

    RAISES (ValueError): no data there.
    """
    files = sorted(path.rglob("*.spacy")) if path.is_dir() else []
    return files or find_sources(path)


def _read_file(path: Path, nlp: Language, key: str, format: str) -> Iterator[GoldText]:
    if path.suffix == ".spacy":
        for example in Corpus(path).make_examples(nlp, read_docbin(path, nlp.vocab)):
            yield read_example(example, [key])
        return
    joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
    for record in read_records(path, format=format, joiner=joiner):
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
    texts: Mapping[str, Iterable[GoldText]],
    encoders: Mapping[str, Encoder | None],
    limit: int,
    silent: bool,
) -> dict[str, SplitStatistics]:
    """Count the texts of each split; those of training come first.

    encoders: names of the groups to count, and the transformer that each is predicted with.
    """
    splits: dict[str, SplitStatistics] = {}
    for name, own in texts.items():
        splits[name] = SplitStatistics(encoders, splits.get(TRAIN))
        # None: tqdm shows its bar on a terminal only.
        for text in tqdm(islice(own, limit or None), name, unit=" docs", disable=silent or None):
            splits[name].add(text)
    return splits
