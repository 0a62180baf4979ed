"""CRFsuite, the usual choice outside spaCy for flat entities without pretrained weights.

A CRF over BIO tags, and no encoder: its features are words and parts of words around the token.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc
from spacy.training import biluo_tags_to_spans, iob_to_biluo

from spacy_globalpointer.spans import Counts, LabelledSpan

from .accuracy import describe_run
from .peers import hash_config, read_system
from .scores import count_each
from .text import AnnotatedText

# Tokens to each side whose words are features, and whose parts of words.
WORDS, PARTS = 2, 1


def train_and_score(
    system: str,
    train: Sequence[AnnotatedText],
    dev: Sequence[AnnotatedText],
    *,
    lang: str,
    overrides: dict[str, Any] | None = None,
    log: Callable[[str], None] = print,
    **of_passes: Any,
) -> dict[str, Any]:
    """Train CRFsuite on the outermost spans, and score it on dev.

    system: of peers.SYSTEMS, whose config has the settings of CRFsuite.
    lang: of the texts.
    overrides: of the system's config.
    of_passes: passes and seed, of which CRFsuite knows nothing: it finds the one optimum.
    RETURNS: as accuracy.train_and_score.
    RAISES (ImportError): without python-crfsuite.
    """
    settings = read_system(system, overrides)["crfsuite"]
    nlp = spacy.blank(lang)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        model = Path(folder) / "model"
        _train([doc.make_example(nlp.vocab).reference for doc in train], settings, model)
        trained = time.process_time()
        predicted = _predict([doc.make_doc(nlp.vocab) for doc in dev], model)
        done = time.process_time()
    scores = Counts.total(count_each(dev, predicted)).scores()
    seconds = {"train_seconds": trained - start, "seconds": done - trained}
    curve = [{"pass": 1, **{x: scores[x] for x in "prf"}, **seconds}]
    log("P {p:.3f} R {r:.3f} F {f:.3f}".format(**curve[0]))
    return describe_run(hash_config(system, overrides or {}), {}, curve, train, dev, predicted)


def _train(docs: Sequence[Doc], settings: dict[str, Any], model: Path) -> None:
    settings = dict(settings)
    trainer = _import().Trainer(settings.pop("algorithm"), settings, verbose=False)
    for doc in docs:
        tags = [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type else "O" for t in doc]
        trainer.append(find_features(doc), tags)
    trainer.train(str(model))


def _predict(docs: Sequence[Doc], model: Path) -> list[set[LabelledSpan]]:
    tagger = _import().Tagger()
    tagger.open(str(model))
    found: list[set[LabelledSpan]] = []
    for doc in docs:
        tags = iob_to_biluo(tagger.tag(find_features(doc))) if len(doc) else []
        spans = biluo_tags_to_spans(doc, tags)
        found.append({LabelledSpan(span.start, span.end, span.label_) for span in spans})
    tagger.close()
    return found


def find_features(doc: Doc) -> list[list[str]]:
    """Features of each token: words, pairs of words, and prefix, suffix and shape around it.

    The parts are those that spaCy's MultiHashEmbed reads too.
    """
    words = ["", *(token.lower_ for token in doc), ""]
    parts = [(token.prefix_, token.suffix_, token.shape_) for token in doc]
    features = []
    for i in range(len(doc)):
        before, word, after = words[i : i + 3]
        near = [(j, doc[i + j].lower_) for j in _around(WORDS, i, len(doc))]
        own = ["bias", f"before={before}|{word}", f"after={word}|{after}"]
        own += [f"word{j:+}={text}" for j, text in near]
        for j in _around(PARTS, i, len(doc)):
            names = zip(("prefix", "suffix", "shape"), parts[i + j], strict=True)
            own += [f"{name}{j:+}={part}" for name, part in names]
        features.append(own)
    return features


def _around(reach: int, place: int, length: int) -> range:
    """Distances from a place, of at most reach to each side, that stay inside."""
    return range(max(-reach, -place), min(reach, length - 1 - place) + 1)


def _import() -> Any:
    try:
        import pycrfsuite
    except ImportError as error:
        raise ImportError(
            'CRFsuite needs python-crfsuite. To fix: pip install "spacy-globalpointer[bench]"'
        ) from error
    return pycrfsuite
