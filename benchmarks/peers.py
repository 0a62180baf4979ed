"""The systems that are compared: one encoder, one head each, all else equal.

Each is a config of this package or of the repository, which `spacy train` takes too.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import fix_random_seed, load_config, load_model_from_config
from thinc.api import Config

from spacy_globalpointer.configs import CONFIGS, find_config

from . import crf  # noqa: F401  (registers bio_crf)
from .text import AnnotatedText

ROOT = Path(__file__).parents[1]
# Of the peers, and of ours.
_FOLDERS = (ROOT / "benchmarks" / "configs", ROOT / "configs")
# System -> a config of the package, or of these folders.
SYSTEMS: dict[str, str] = {
    "global_pointer": "tok2vec",
    "global_pointer_plain": "global_pointer_plain",
    "global_pointer_rescorer": "global_pointer_rescorer",
    "global_pointer_gp": "global_pointer_gp",
    "global_pointer_no_rope": "global_pointer_no_rope",
    "spancat": "spancat",
    "span_finder": "span_finder",
    "ner": "ner",
    "crf": "crf",
    # Outside spaCy: its config has no pipeline.
    "crfsuite": "crfsuite",
    # The floor: the encoder of all but the default, without any head.
    "encoder": "global_pointer_plain",
    "global_pointer_transformer": "transformer",
    "global_pointer_hybrid_transformer": "hybrid",
    "spancat_transformer": "spancat_transformer",
    "ner_transformer": "ner_transformer",
    "relations": "relations",
    "relations_gplinker": "relations",
    "relations_mean": "relations",
    "relations_transformer": "relations_transformer",
    # An auxiliary task beside spans.
    "spans_tagger": "tok2vec",
    "events": "events",
    "events_transformer": "events_transformer",
}
# Architectures of relation_pointer; None for the one that the config has.
RELATION_MODELS: dict[str, dict[str, Any] | None] = {
    "relations": None,
    "relations_gplinker": {
        "@architectures": "spacy_globalpointer.GPLinker.v1",
        "head_size": 64,
        "hidden_size": 128,
    },
    "relations_mean": {"@architectures": "benchmarks.MeanPairs.v1"},
    "relations_transformer": None,
}
EVENTS = ("events", "events_transformer")
# Those that find flat entities only; those in spaCy write them to doc.ents.
FLAT = ("ner", "crf", "ner_transformer", "crfsuite")


def read_system(system: str, overrides: dict[str, Any] | None = None) -> Config:
    """The config of a system.

    system: one of SYSTEMS.
    overrides: values by their place, such as "components.spancat.threshold"; "initialize"
        replaces that whole block.
    """
    values = dict(overrides or {})
    initialize = values.pop("initialize", None)
    name = SYSTEMS[system]
    path = (
        find_config(name)
        if name in CONFIGS
        else _FOLDERS[name.startswith("global_pointer")] / f"{name}.cfg"
    )
    config = load_config(path, overrides=values, interpolate=True)
    if initialize is not None:
        config["initialize"] = initialize
    model = RELATION_MODELS.get(system)
    if model is not None:
        own = config["components"]["relation_pointer"]
        own["model"] = {**model, "tok2vec": own["model"]["tok2vec"]}
    if system == "spans_tagger":
        config["nlp"]["pipeline"].append("tagger")
        listener = config["components"]["global_pointer"]["model"]["tok2vec"]
        model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
        config["components"]["tagger"] = {"factory": "tagger", "model": model}
    if system == "encoder":
        config["nlp"]["pipeline"] = ["tok2vec"]
        config["components"] = {"tok2vec": config["components"]["tok2vec"]}
    return config


def hash_config(system: str, overrides: dict[str, Any]) -> str:
    """Of everything that a config says, comments apart."""
    text = read_system(system, overrides).to_str()
    return hashlib.sha256(text.encode("utf8")).hexdigest()[:12]


def make_pipeline(
    system: str,
    docs: Sequence[AnnotatedText],
    seed: int,
    overrides: dict[str, Any] | None = None,
) -> Language:
    """Make the initialized pipeline of a system.

    system: one of SYSTEMS.
    docs: that it is initialized with.
    overrides: of its config.
    """
    fix_random_seed(seed)
    nlp = load_model_from_config(read_system(system, overrides), auto_fill=True)
    nlp.initialize(lambda: [doc.make_example(nlp.vocab) for doc in docs])
    return nlp


def fit(system: str, length: int, flat: bool) -> dict[str, Any]:
    """Overrides with which a system suits a corpus, as far as it must be told.

    length (tokens): of the longest span to find.
    flat: no two spans share a token.
    """
    if system.startswith("spancat"):
        return {"components.spancat.suggester.max_size": length}
    if system == "span_finder":
        return {"components.span_finder.max_length": length}
    if system.startswith("global_pointer") and flat:
        return {"components.global_pointer.allow_overlap": False}
    return {}
