"""Reads annotated data once and gathers what can be said of it: a training config's, or files'."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Corpus, Example
from tqdm import tqdm

from ...corpora import UNSPACED_LANGUAGES, Reading, read_records
from ...corpora.docbin import read_docbin
from ...messages import shorten
from ..convert import find_sources
from ..inputs import check_keys, make_blank
from .case import Case, Finding, PairCase
from .config import find_in_config, known_labels, load_setup, may_drop
from .encoder import Encoder, find_encoder
from .findings import advise_key, find_all, find_empty, find_in_documents
from .gold import GoldText, read_example, read_record
from .statistics import SplitStatistics

# Settings of relations and of events in data files: the defaults that matter.
DATA_SETTINGS: dict[str, Any] = {
    "max_distance": None,
    "allow_self": False,
    "type_pairs": "seen",
    "missing": "skip",
}
RELATION_SETTINGS = {**DATA_SETTINGS, "symmetric": [], "max_relations": None}
EVENT_SETTINGS = {**DATA_SETTINGS, "trigger": True, "max_arguments": 32, "max_events": 64}


@dataclass
class Survey:
    """All that was found."""

    lang: str
    splits: dict[str, SplitStatistics]
    cases: list[Case]  # one for each component that finds spans; one for data files
    related: list[PairCase]  # the same for relations and events; none if data files have none
    shared: list[Finding]  # about all data

    def all_findings(self) -> list[Finding]:
        """Those about all data, then those of each component."""
        found = [*(case.findings for case in self.cases), *(case.findings for case in self.related)]
        return [*self.shared, *chain.from_iterable(found)]

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
            }
            | {
                case.name: {
                    f"{case.what}_key": case.key,
                    "settings": case.settings,
                    "splits": {name: split.to_dict() for name, split in case.splits.items()},
                    "findings": [asdict(finding) for finding in case.findings],
                }
                for case in self.related
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
    relations_key: str | None = None,
    events_key: str | None = None,
    format: str = "auto",
    low: int = 50,
    limit: int = 0,
) -> Survey:
    """Look over data files, or folders of them, as the command's options say."""
    keys = relations_key or "relations", events_key or "events"
    check_keys("--spans-key", spans_key, *keys)
    inputs = {"train": names, "dev": dev} if dev else {"data": names}
    files = {name: _find_data(map(Path, paths)) for name, paths in inputs.items()}
    nlp = make_blank(lang)
    texts = {name: _read_files(own, nlp, (spans_key, *keys), format) for name, own in files.items()}
    related = [
        PairCase({**RELATION_SETTINGS, "spans": spans_key, "relations_key": keys[0]}, low=low),
        _event_case({"spans": spans_key, "events_key": keys[1]}, low),
    ]
    splits = _count(texts, {spans_key: None}, related, limit)
    case = Case(spans_key, splits, low=low, lang=lang)
    case.findings = find_all(case)
    for one, asked in zip(related, (relations_key, events_key), strict=True):
        if asked is not None or one.has_gold:
            one.findings = _find_in_pairs(one)
    if spans_key != "sc":
        text = f"With spans_key = {spans_key!r} the score weights must name it"
        case.findings.append(Finding("config", "info", text, advise_key(spans_key)))
    shared = list(find_in_documents(splits))
    return Survey(lang, splits, [case], [one for one in related if one.findings], shared)


@_few_warnings()
def debug_config(
    path: str, overrides: dict[str, Any] | None = None, *, low: int = 50, limit: int = 0
) -> Survey:
    """Look over the data of a training config, as its readers give it, and what it says of them."""
    # Imports torch.
    from .pair_config import find_in_pair_config

    setup = load_setup(path, overrides or {})
    lang, pipes = str(setup.nlp.lang), setup.pipes
    encoders = {pipe.key: find_encoder(setup.nlp, k, setup.sourced) for k, pipe in pipes.items()}
    texts = {
        name: (read_example(example, encoders) for example in _readable(reader(setup.nlp), name))
        for name, reader in setup.readers.items()
    }
    is_cut = any(map(may_drop, setup.readers.values()))
    related = [
        PairCase(dict(pipe.cfg), name, known_labels(setup, name), low, True, is_cut, pipe.what)
        for name, pipe in setup.relaters.items()
    ]
    unlearned = _event_case({"spans": "sc", "events_key": "events"}, low)
    if any(one.what == "events" for one in related):
        splits = _count(texts, encoders, related, limit)
    else:
        splits = _count(texts, encoders, [*related, unlearned], limit)
    cases = []
    for name, pipe in pipes.items():
        known, cfg = known_labels(setup, name), dict(pipe.cfg)
        case = Case(pipe.key, splits, name, cfg, known, low, lang, is_config=True, is_cut=is_cut)
        case.findings = [*find_all(case), *find_in_config(setup, case, limit)]
        cases.append(case)
    for one in related:
        in_config = find_in_pair_config(setup, one, limit)
        one.findings = [*_find_in_pairs(one), *in_config]
    shared = [*find_in_documents(splits), *([] if cases else find_empty(splits))]
    if unlearned.has_gold:
        shared.append(_tell_unlearned(unlearned))
    return Survey(lang, splits, cases, related, shared)


def _event_case(settings: Mapping[str, Any], low: int) -> PairCase:
    """The events of data that come without the settings of a component."""
    return PairCase({**EVENT_SETTINGS, **settings}, "event_pointer", low=low, what="events")


def _tell_unlearned(case: PairCase) -> Finding:
    n = sum(split.n_gold for split in case.splits.values())
    names = sorted({name for split in case.splits.values() for name in split.names})
    text = f"The data have {n} events (group {', '.join(map(repr, names)) or repr(case.key)}), but "
    return Finding("documents", "info", f"{text}the pipeline has no event_pointer to learn them")


def _find_in_pairs(case: PairCase) -> list[Finding]:
    """What is wrong with relations or events that were counted."""
    # They import torch.
    from .event_findings import find_in_events
    from .relation_findings import find_in_relations

    case.complete(case.n_documents)
    return find_in_events(case) if case.what == "events" else find_in_relations(case)


def _find_data(paths: Iterable[Path]) -> list[Path]:
    """Data files, each once: those given, and of a folder its .spacy files, or else all."""
    files: dict[Path, Path] = {}
    for path in paths:
        found = sorted(path.rglob("*.spacy")) if path.is_dir() else []
        files.update({file.resolve(): file for file in found or find_sources(path)})
    return list(files.values())


def _read_files(
    files: list[Path], nlp: Language, keys: tuple[str, str, str], format: str
) -> Iterator[GoldText]:
    joiner = "" if nlp.lang in UNSPACED_LANGUAGES else " "
    for file in files:
        if file.suffix == ".spacy":
            for example in Corpus(file).make_examples(nlp, read_docbin(file, nlp.vocab)):
                yield read_example(example, keys[:1])
        else:
            for record in read_records(file, format=format, reading=Reading(joiner)):
                yield read_record(record, nlp, *keys)


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
    related: Sequence[PairCase],
    limit: int,
) -> dict[str, SplitStatistics]:
    """Count the texts of each split, and their relations; those of training come first."""
    splits: dict[str, SplitStatistics] = {}
    for name, own in texts.items():
        splits[name] = SplitStatistics(encoders, splits.get("train"))
        # None: tqdm shows its bar on a terminal only.
        for text in tqdm(islice(own, limit or None), name, unit=" docs", disable=None):
            splits[name].add(text)
            for case in related:
                case.add(name, text)
    return splits
