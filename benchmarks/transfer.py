"""Training on several corpora with labels of their own, and then on a few texts of another one."""

import random
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config
from spacy.vocab import Vocab
from thinc.api import Optimizer

from spacy_globalpointer.spans import Counts, LabelledSpan

from .accuracy import ask_for, predict_cells
from .label_descriptions import GROUPS
from .passes import averaged, read_training
from .peers import make_pipeline
from .scores import count_each, score_parts
from .text import KEY, AnnotatedText

Scores = dict[str, Any]

COMPONENT = "global_pointer"
# Texts of a batch of few texts.
TEXTS = 10
THRESHOLDS = [i / 20 for i in range(1, 20)]


class Corpus(NamedTuple):
    """A corpus and what its labels mean.

    train, dev: texts.
    descriptions: of each label.
    """

    name: str
    lang: str
    train: list[AnnotatedText]
    dev: list[AnnotatedText]
    descriptions: dict[str, str]

    def pairs(self) -> list[list[str]]:
        """Label and description, of the labels that training has."""
        found = {label for doc in self.train for _, _, label in doc.spans}
        return [[label, text] for label, text in self.descriptions.items() if label in found]

    def groups(self) -> list[list[Any]]:
        """Groups of the labels that training has.

        RAISES (ValueError): none are known for the corpus.
        """
        if self.name not in GROUPS:
            raise ValueError(
                f"a corpus with groups must be one of {', '.join(GROUPS)}, was: {self.name}"
            )
        found = {label for label, _ in self.pairs()}
        kept = [[group, [x for x in labels if x in found]] for group, labels in GROUPS[self.name]]
        return [[group, labels] for group, labels in kept if labels]

    def renamed(self) -> "Corpus":
        """The same with the corpus in the name of each label, so that no two corpora share one."""

        def rename(docs: Iterable[AnnotatedText]) -> list[AnnotatedText]:
            return [
                doc._replace(spans=[(start, end, self.full(x)) for start, end, x in doc.spans])
                for doc in docs
            ]

        descriptions = {self.full(label): text for label, text in self.descriptions.items()}
        return Corpus(self.name, self.lang, rename(self.train), rename(self.dev), descriptions)

    def full(self, label: str) -> str:
        """The name of a label with that of the corpus."""
        return f"{self.name}/{label}"


def train_on_all(
    system: str,
    corpora: Sequence[Corpus],
    *,
    passes: int,
    seed: int,
    overrides: dict[str, Any],
    log: Callable[[str], None],
) -> Language:
    """Train on corpora with labels of their own, each batch on those of its corpus.

    system: one of peers.SYSTEMS, with global_pointer.
    corpora: renamed.
    overrides: of the system's config.
    RETURNS: the pipeline, with averaged weights where the config has them.
    """
    docs = [doc for corpus in corpora for doc in corpus.train]
    nlp = make_pipeline(system, docs, seed, overrides)
    training = read_training(nlp)
    examples = {c.name: declare(c, c.train, nlp.vocab) for c in corpora}
    for number in range(passes):
        batches: list[list[Example]] = []
        for own in examples.values():
            random.shuffle(own)
            batches += training["batcher"](own)
        random.shuffle(batches)
        loss = update(nlp, batches, training["optimizer"], training["dropout"])
        log(f"pass {number + 1} of {passes}: loss {loss:.1f}")
    with averaged(nlp, training["optimizer"].averages):
        weights = nlp.to_bytes()
    return load_model_from_config(nlp.config).from_bytes(weights)


def declare(corpus: Corpus, docs: Iterable[AnnotatedText], vocab: Vocab) -> list[Example]:
    """Make examples that declare the labels of their corpus as those that they are annotated with.

    docs: of the corpus.
    """
    labels = [label for label, _ in corpus.pairs()]
    return [doc.make_example(vocab, labels) for doc in docs]


def update(
    nlp: Language, batches: Iterable[list[Example]], optimizer: Optimizer, dropout: float
) -> float:
    """Learn from batches.

    RETURNS: the loss.
    """
    losses = {COMPONENT: 0.0}
    for batch in batches:
        nlp.update(batch, sgd=optimizer, drop=dropout, losses=losses)
        optimizer.step_schedules()
    return losses[COMPONENT]


def transfer(nlp: Language, corpus: Corpus, described: bool) -> None:
    """Add the labels of a corpus to a trained pipeline, and ask for these alone.

    corpus: renamed; the pipeline has none of its labels.
    described: with their descriptions.
    """
    pipe: Any = nlp.get_pipe(COMPONENT)
    for label, text in corpus.pairs():
        pipe.add_label(label, description=text if described else None)
    ask_for(nlp, [label for label, _ in corpus.pairs()])


def train_on_few(nlp: Language, corpus: Corpus, shots: int, *, updates: int, seed: int) -> None:
    """Train on a few texts of a corpus.

    shots (texts): of its training data, with spans.
    updates: of the weights, with ten texts each, at the rate that the config begins with.
    """
    fix_random_seed(seed)
    chosen = [doc for doc in corpus.train if doc.spans]
    random.shuffle(chosen)
    examples = declare(corpus, chosen[:shots], nlp.vocab)
    if not examples:
        return
    training = read_training(nlp)
    optimizer = training["optimizer"]
    rate: Any = nlp.config.interpolate()["training"]["optimizer"]["learn_rate"]
    optimizer.schedules.pop("learn_rate", None)
    optimizer.learn_rate = rate["initial_rate"] if isinstance(rate, dict) else rate
    optimizer.averages = None
    n = min(TEXTS, len(examples))
    batches = [random.sample(examples, n) for _ in range(updates)]
    update(nlp, batches, optimizer, training["dropout"])


def score_labels(nlp: Language, dev: Sequence[AnnotatedText]) -> Scores:
    """Score a pipeline at its threshold, and at the best one.

    RETURNS: of `score_parts`, and "best": threshold and F1, with the threshold that is best for
        these very texts; what a threshold could give, not what one would choose.
    """
    scores = score_parts(dev, predict_cells(nlp, COMPONENT, dev))
    scores.pop("documents")
    cfg = nlp.get_pipe(COMPONENT).cfg  # type: ignore[attr-defined]
    usual, cfg["threshold"] = cfg["threshold"], THRESHOLDS[0]
    try:
        docs = list(nlp.pipe(doc.make_doc(nlp.vocab) for doc in dev))
    finally:
        cfg["threshold"] = usual
    found = [list(zip(doc.spans[KEY], doc.spans[KEY].attrs["scores"], strict=True)) for doc in docs]
    best = {"threshold": usual, "f": 0.0}
    for threshold in THRESHOLDS:
        spans = [
            {LabelledSpan(s.start, s.end, s.label_) for s, score in own if score >= threshold}
            for own in found
        ]
        total = Counts.total(count_each(dev, spans))
        if total.f > best["f"]:
            best = {"threshold": threshold, "f": float(total.f)}
    return {**scores, "best": best}


def copy_of(nlp: Language) -> Language:
    """Another pipeline with the same weights, so that each number of shots starts from them."""
    return load_model_from_config(deepcopy(nlp.config)).from_bytes(nlp.to_bytes())
