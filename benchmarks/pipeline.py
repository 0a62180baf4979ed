"""Whole pipelines: words per second and memory, in training and prediction.

All systems have the same encoder, documents, batches and optimizer, and take turns in one process.
`ner` and `crf` learn the outermost spans, as they cannot hold more.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2Vec
from spacy.training import Example
from spacy.training.batchers import minibatch_by_words
from thinc.api import Adam, Optimizer, set_dropout_rate

from .measure import extra_memory, interleave, save, summary
from .peers import make_pipeline
from .text import STYLES, AnnotatedText, generate, read_corpora

Step = Callable[[], object]
# Of peers.SYSTEMS.
SYSTEMS = (
    "global_pointer",
    "global_pointer_plain",
    "global_pointer_gp",
    "spancat",
    "ner",
    "crf",
    "encoder",
)
BATCH_WORDS, DROPOUT, LEARN_RATE = 1000, 0.1, 0.001
# Documents that a system learns from before its memory in prediction is measured: without any
# training some find spans everywhere.
TRAINED_DOCUMENTS = 300


def measure_pipelines(
    output: Path,
    *,
    data: Path | None = None,
    lang: str = "xx",
    documents: int = 1000,
    systems: Sequence[str] = SYSTEMS,
    repeats: int = 5,
    seed: int = 0,
    memory: bool = True,
    log: Callable[[str], None] = print,
) -> None:
    """Time training and prediction of every system on every corpus.

    output: JSON file.
    data: folder or file of annotated text; None for generated text.
    lang: whose tokenizer cuts the texts of data into words.
    documents: at most, of each corpus.
    systems: of peers.SYSTEMS.
    repeats: passes over the documents, in each of which all systems take their turn.
    memory: also measure the peak memory of each system, in processes of its own.
    log: told of each stage.
    """
    corpora = (
        {name: generate(style, documents, seed) for name, style in STYLES.items()}
        if data is None
        else read_corpora(data, lang)
    )
    results: list[dict[str, Any]] = []
    for corpus, docs in corpora.items():
        results += _measure(corpus, docs[:documents], systems, repeats, seed, memory, log)
    settings = {
        "text": "generated" if data is None else "files",
        "documents": documents,
        "batch_words": BATCH_WORDS,
        "seed": seed,
        "repeats": repeats,
    }
    save(output, "pipeline", settings, results)


def _measure(
    corpus: str,
    docs: Sequence[AnnotatedText],
    systems: Sequence[str],
    repeats: int,
    seed: int,
    memory: bool,
    log: Callable[[str], None],
) -> list[dict[str, Any]]:
    words = sum(len(doc.words) for doc in docs)
    log(f"{corpus}: {len(docs)} documents, {words} words")
    trainers = {system: Trainer(system, docs, seed) for system in systems}
    train = interleave(
        {name: trainer.prepare_training for name, trainer in trainers.items()},
        repeats=repeats,
        least_seconds=0,  # a sample is one pass over the documents
    )
    log(f"{corpus}: trained, now prediction")
    predict = interleave(
        {name: trainer.prepare_prediction for name, trainer in trainers.items()},
        repeats=repeats,
        least_seconds=0,
    )
    labels = len({label for doc in docs for *_, label in doc.spans})
    results = []
    for system in systems:
        result = {"corpus": corpus, "system": system, "words": words, "labels": labels}
        result.update(train=summary(train[system]), predict=summary(predict[system]))
        if memory:
            log(f"{corpus}: memory of {system}")
            result["train_mib"] = extra_memory(prepare_training, system, docs, seed)
            result["predict_mib"] = extra_memory(prepare_prediction, system, docs, seed)
        results.append(result)
    return results


def prepare_training(system: str, docs: Sequence[AnnotatedText], seed: int) -> Step:
    """One pass over the documents, for a process of its own."""
    trainer = Trainer(system, docs, seed)
    trainer.prepare_training(docs[:3])()  # loads what is loaded on first use
    return trainer.prepare_training()


def prepare_prediction(system: str, docs: Sequence[AnnotatedText], seed: int) -> Step:
    """Prediction of all documents, for a process of its own."""
    trainer = Trainer(system, docs, seed)
    trainer.prepare_training(docs[:TRAINED_DOCUMENTS])()
    trainer.prepare_prediction(docs[:3])()
    return trainer.prepare_prediction()


class Trainer:
    """A system on its documents."""

    def __init__(
        self,
        system: str,
        docs: Sequence[AnnotatedText],
        seed: int,
        overrides: dict[str, Any] | None = None,
    ) -> None:
        """Make and initialize the pipeline.

        overrides: of the system's config.
        """
        self.docs = docs
        self.nlp = make_pipeline(system, docs, seed, overrides)
        self.optimizer = Adam(LEARN_RATE)
        self.update = _update_encoder if system == "encoder" else _update

    def prepare_training(self, docs: Sequence[AnnotatedText] | None = None) -> Step:
        """One pass over documents, all of them if none are named.

        The examples are new: old ones would remember their alignment.
        """
        examples = [doc.make_example(self.nlp.vocab) for doc in docs or self.docs]
        batches = list(minibatch_by_words(examples, BATCH_WORDS))

        def step() -> None:
            for batch in batches:
                self.update(self.nlp, batch, self.optimizer)

        return step

    def prepare_prediction(self, docs: Sequence[AnnotatedText] | None = None) -> Step:
        """Prediction of new documents, in nlp.pipe's own batches."""
        new = [doc.make_doc(self.nlp.vocab) for doc in docs or self.docs]

        def step() -> None:
            for _ in self.nlp.pipe(new):
                pass

        return step


def _update(nlp: Language, batch: list[Example], optimizer: Optimizer) -> None:
    nlp.update(batch, drop=DROPOUT, sgd=optimizer)


def _update_encoder(nlp: Language, batch: list[Example], optimizer: Optimizer) -> None:
    """What every system spends on the encoder: a step with some gradient."""
    tok2vec = nlp.get_pipe("tok2vec")
    assert isinstance(tok2vec, Tok2Vec)
    model = tok2vec.model
    set_dropout_rate(model, DROPOUT)
    vectors, backprop = model.begin_update([example.predicted for example in batch])
    backprop([rows * 1e-3 for rows in vectors])
    model.finish_update(optimizer)
