"""A training config: its components, readers and labels, and where they do not fit each other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Corpus, Example, dont_augment
from spacy.training.corpus import FILE_TYPE, walk_corpus
from spacy.training.initialize import get_sourced_components
from spacy.util import load_config, load_model_from_config, registry, resolve_dot_names
from thinc.api import Config

from ...pipeline.settings import describe_rivals, describe_weights
from ...training.reader import SpanCorpus
from .case import Case, Finding, advise
from .findings import advise_key

FACTORY, PAIR_FACTORIES = "global_pointer", ("relation_pointer", "event_pointer")


@dataclass
class Setup:
    """A training config that was read."""

    nlp: Language  # not initialized
    config: Config  # with all variables and defaults filled in
    # The components to look at, by name: those that find spans, and relations or events.
    pipes: dict[str, Any]
    relaters: dict[str, Any]
    readers: dict[str, Callable[[Language], Iterable[Example]]]  # of the corpora train and dev
    sourced: list[str]  # names of components of other pipelines, which are trained on


def load_setup(path: str, overrides: dict[str, Any]) -> Setup:
    """Read a config, or "-" for standard input, as training does; no weights are loaded.

    RAISES (ValueError): a config that makes no pipeline, or none with one of the components.
    """
    if path != "-" and not Path(path).is_file():
        what = path if Path(path).exists() else f"{path}, which is missing"
        raise ValueError(f"a config must be a file, was: {what}. Is the path right?")
    try:
        raw = load_config(Path(path), overrides=overrides, interpolate=False)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be in UTF-8, was: {error}. Convert it") from error
    nlp = load_model_from_config(raw, auto_fill=True)
    config = nlp.config.interpolate()
    pipes, relaters = (
        {k: pipe for k, pipe in nlp.pipeline if nlp.get_pipe_meta(k).factory in factories}
        for factories in ((FACTORY,), PAIR_FACTORIES)
    )
    if not pipes and not relaters:
        raise ValueError(
            f"{path}: the pipeline must have a component of the factory {FACTORY!r}, "
            f"{' or '.join(map(repr, PAIR_FACTORIES))}, was: {nlp.pipe_names}. Add one, or give "
            "the data files themselves instead of a config"
        )
    readers = {}
    for corpus in ("train", "dev"):
        setting = config["training"][f"{corpus}_corpus"]
        (readers[corpus],) = resolve_dot_names(config, [setting])
        if not callable(readers[corpus]):
            raise ValueError(
                f"[training] {corpus}_corpus must name a reader, was: {setting!r}. "
                'Set it, for example to "corpora.train"'
            )
    return Setup(nlp, config, pipes, relaters, readers, list(get_sourced_components(raw)))


def known_labels(setup: Setup, name: str) -> Sequence[str] | None:
    """The only labels that a component can learn; None if it takes those of the training data."""
    if name in setup.config["training"]["frozen_components"]:
        return None
    if name in setup.sourced:  # training does not initialize it again
        return (setup.pipes | setup.relaters)[name].labels
    block = setup.config["initialize"]["components"].get(name, {})
    return registry.resolve({"labels": block.get("labels")})["labels"]


def may_drop(corpus: Any) -> bool:
    """Whether a reader is spaCy's own and cuts documents, which leaves groups of spans behind."""
    is_own = isinstance(corpus, Corpus) and not isinstance(corpus, SpanCorpus)
    return is_own and bool(corpus.gold_preproc or corpus.max_length)


def find_in_config(setup: Setup, case: Case, limit: int = 0) -> Iterator[Finding]:
    """What the config does to a component's data and scores."""
    training = setup.config["training"]
    if case.name in training["frozen_components"]:
        yield Finding("config", "info", f"'{case.name}' is frozen: it does not learn")
    yield _find_weights(setup, case)
    rivals = describe_rivals(case.name, case.key, setup.nlp)
    if rivals:
        yield Finding("config", "warning", rivals)
    yield from find_drops(setup, case.key, limit)


def _find_weights(setup: Setup, case: Case) -> Finding:
    weights = setup.nlp.config["training"]["score_weights"]
    key = case.wanted_key
    others = {getattr(pipe, "key", None) for name, pipe in setup.nlp.pipeline if name != case.name}
    written = tuple(f"spans_{other}_" for other in {key, *others})
    dead = [
        name
        for name, weight in weights.items()
        if weight is not None and name.startswith("spans_") and not name.startswith(written)
    ]
    named = bool(weights.get(f"spans_{key}_f"))
    advice = None if named and not dead else advise_key("" if named else key, dead)
    message = describe_weights(case.name, case.key, setup.nlp)
    if message:
        # What is left is weighed without it; if nothing is left, the score is 0.00.
        alive = any(weight for name, weight in weights.items() if name not in dead)
        text = message.partition(" Add to the config")[0]
        return Finding("config", "warning" if alive else "error", text, advice)
    if dead:
        text = f"[training.score_weights] names scores that nothing has: {', '.join(dead)}"
        return Finding("config", "info", text, advice)
    return Finding("config", "good", f"[training.score_weights] names spans_{key}_f")


def find_drops(setup: Setup, key: str, limit: int) -> Iterator[Finding]:
    """What is left of a group of gold spans, the arguments of relations among them."""
    for name, reader in setup.readers.items():
        if may_drop(reader):
            section = setup.config["training"][f"{name}_corpus"]
            yield _count_drops(setup.nlp, reader, section, key, limit)


def _count_drops(nlp: Language, corpus: Any, section: str, key: str, limit: int) -> Finding:
    """Gold spans that spaCy's own reader leaves behind when it cuts documents."""
    plain = copy(corpus)
    plain.augmenter, plain.shuffle = dont_augment, False
    plain.limit = min(filter(None, (corpus.limit, limit)), default=0)
    docs = plain.read_docbin(nlp.vocab, walk_corpus(corpus.path, FILE_TYPE))
    pieces = (example.reference for example in plain(nlp))
    stored, read = (
        sum(len(doc.spans[key]) for doc in own if key in doc.spans) for own in (docs, pieces)
    )
    how = "gold_preproc = true" if corpus.gold_preproc else f"max_length = {corpus.max_length}"
    text = f"[{section}] reads {read} of {stored} spans with {how}"
    if read == stored:
        return Finding("config", "good", text)
    why = "keeps all spans" + ("; remove the line gold_preproc" if corpus.gold_preproc else "")
    reader = {"@readers": "spacy_globalpointer.SpanCorpus.v1", "max_length": corpus.max_length}
    advice = advise(section, why, reader)
    text += ": where it cuts a document, it leaves its spans behind"
    return Finding("config", "warning" if read else "error", text, advice)
