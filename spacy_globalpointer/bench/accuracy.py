"""One training run on a real corpus, scored after every pass.

All systems get the same documents in the same order, the same batches, optimizer and number of
passes; scores are those of the averaged weights. Gold spans that the tokens cannot hold count as
missed, for every system alike.
"""

import random
import resource
import time
from collections import Counter
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.batchers import minibatch_by_words
from thinc.api import Adam, compounding

from ..pipeline.scorer import nested_cells
from .peers import make_pipeline
from .text import KEY, Annotated

Cell = Tuple[int, int, str]
DROPOUT, LEARN_RATE = 0.1, 0.001
# Words of a batch: small ones while there is everything to learn, large ones to settle.
FIRST_BATCH, LAST_BATCH, GROWTH = 100.0, 1000.0, 1.001
# Lengths from which on spans are counted together.
LENGTHS = (1, 2, 3, 4, 6, 10)


class Counts(NamedTuple):
    """Spans found, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def scores(self) -> Dict[str, float]:
        """Precision, recall and F1, 0.0 where there is nothing."""
        p = self.right / max(1, self.right + self.wrong)
        r = self.right / max(1, self.right + self.missed)
        f = 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)
        return {"p": p, "r": r, "f": f, **self._asdict()}


def train_and_score(
    system: str,
    train: Sequence[Annotated],
    dev: Sequence[Annotated],
    *,
    passes: int,
    seed: int,
    settings: Dict[str, Any],
    log: Callable[[str], None] = print,
) -> Dict[str, Any]:
    """Train a system, and score it on dev after every pass.

    system: one of peers.SYSTEMS.
    settings: of its head, over those of peers.SYSTEMS.
    RETURNS: the learning curve, scores of the last pass by label, length and nesting, counts of
        each document, words per second and peak memory.
    """
    nlp = make_pipeline(system, train, seed, **settings)
    optimizer = Adam(LEARN_RATE, use_averages=True)
    sizes: Any = compounding(FIRST_BATCH, LAST_BATCH, GROWTH)
    words = sum(len(doc.words) for doc in train)
    order, shuffle = list(train), random.Random(seed).shuffle
    curve: List[Dict[str, float]] = []
    predicted: List[Set[Cell]] = []
    for done in range(1, passes + 1):
        shuffle(order)
        start = time.perf_counter()
        for batch in minibatch_by_words((doc.make_example(nlp.vocab) for doc in order), sizes):
            nlp.update(batch, drop=DROPOUT, sgd=optimizer)
        seconds = time.perf_counter() - start
        with nlp.use_params(optimizer.averages):
            start = time.perf_counter()
            predicted = predict_cells(nlp, system, dev)
            predicting = time.perf_counter() - start
        scores = count(dev, predicted).scores()
        curve.append({"pass": done, **{x: scores[x] for x in "prf"}, "seconds": seconds})
        log(f"pass {done}: P {scores['p']:.3f} R {scores['r']:.3f} F {scores['f']:.3f}")
    return {
        "curve": curve,
        "train_words_per_second": words / seconds,
        "predict_words_per_second": sum(len(doc.words) for doc in dev) / predicting,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **score_cells(dev, predicted),
    }


def predict_cells(nlp: Language, system: str, docs: Sequence[Annotated]) -> List[Set[Cell]]:
    """Spans that a system finds in each document."""
    found = nlp.pipe(doc.make_doc(nlp.vocab) for doc in docs)
    return [{(s.start, s.end, s.label_) for s in _spans(doc, system)} for doc in found]


def _spans(doc: Doc, system: str) -> Iterable[Any]:
    return doc.ents if system in ("ner", "crf") else doc.spans[KEY]


def count(docs: Sequence[Annotated], predicted: Sequence[Set[Cell]]) -> Counts:
    """Count right, wrong and missed spans; those that the tokens cannot hold are missed."""
    total: Counter[str] = Counter()
    for doc, found in zip(docs, predicted, strict=True):
        total.update(_count(doc, found)._asdict())
    return Counts(**total)


def _count(doc: Annotated, found: Set[Cell]) -> Counts:
    gold = set(doc.spans)
    return Counts(len(gold & found), len(found - gold), len(gold - found) + doc.lost)


def score_cells(docs: Sequence[Annotated], predicted: Sequence[Set[Cell]]) -> Dict[str, Any]:
    """Scores of all spans, and by label, length and nesting.

    The parts know nothing of gold spans that the tokens cannot hold: those have no tokens.
    `nested` are gold spans that contain or lie in another gold span, and predicted spans likewise.

    RETURNS: "all", "by_label", "by_length", "nested", "lost", and "documents": right, wrong and
        missed of each.
    """
    parts: Dict[str, Dict[str, Counter[str]]] = {"label": {}, "length": {}, "nested": {}}
    parts["nested"]["True"] = Counter()
    for doc, found in zip(docs, predicted, strict=True):
        gold = set(doc.spans)
        in_gold, in_found = _nested(gold), _nested(found)
        for cell in gold | found:
            kind = "missed" if cell not in found else "right" if cell in gold else "wrong"
            is_nested = cell in (in_gold if cell in gold else in_found)
            length = max(n for n in LENGTHS if n <= cell[1] - cell[0])
            keys = (("label", cell[2]), ("length", str(length)), ("nested", str(is_nested)))
            for part, key in keys:
                parts[part].setdefault(key, Counter())[kind] += 1
    return {
        "all": count(docs, predicted).scores(),
        "by_label": {key: Counts(**n).scores() for key, n in sorted(parts["label"].items())},
        "by_length": {key: Counts(**n).scores() for key, n in sorted(parts["length"].items())},
        "nested": Counts(**parts["nested"]["True"]).scores(),
        "lost": sum(doc.lost for doc in docs),
        "documents": [_count(doc, found) for doc, found in zip(docs, predicted, strict=True)],
    }


def _nested(cells: Set[Cell]) -> Set[Cell]:
    nested = nested_cells({cell[:2] for cell in cells})
    return {cell for cell in cells if cell[:2] in nested}
