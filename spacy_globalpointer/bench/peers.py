"""The systems that are compared: one encoder, one head each, all else equal."""

from typing import Any, Dict, Sequence

from spacy.language import Language
from spacy.util import fix_random_seed, load_model_from_config
from thinc.api import Config

from . import crf  # noqa: F401  (registers bio_crf)
from .text import Annotated

WIDTH = 96
TOK2VEC: Dict[str, Any] = {
    "factory": "tok2vec",
    "model": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": WIDTH,
        "depth": 4,
        "embed_size": 2000,
        "window_size": 1,
        "maxout_pieces": 3,
        "subword_features": True,
        "pretrained_vectors": None,
    },
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH, "upstream": "tok2vec"}


def _global_pointer(architecture: str) -> Dict[str, Any]:
    # As in the component's own default.
    model = {"@architectures": f"spacy_globalpointer.{architecture}.v1", "hidden_size": 128}
    return {"factory": "global_pointer", "model": {**model, "tok2vec": LISTENER}}


SYSTEMS: Dict[str, Dict[str, Any]] = {
    "global_pointer": _global_pointer("EfficientGlobalPointer"),
    "global_pointer_gp": _global_pointer("GlobalPointer"),
    "spancat": {
        "factory": "spancat",
        "max_positive": None,
        "suggester": {"@misc": "spacy.ngram_range_suggester.v1", "min_size": 1, "max_size": 10},
        "model": {
            "@architectures": "spacy.SpanCategorizer.v1",
            "tok2vec": LISTENER,
            "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 128},
            "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": None, "nI": None},
        },
    },
    "ner": {
        "factory": "ner",
        "model": {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": "ner",
            "extra_state_tokens": False,
            "hidden_width": 64,
            "maxout_pieces": 2,
            "use_upper": True,
            "tok2vec": LISTENER,
        },
    },
    "crf": {"factory": "bio_crf", "model": LISTENER},
    # The floor: an encoder without any head.
    "encoder": {},
}


def make_pipeline(
    system: str,
    docs: Sequence[Annotated],
    seed: int,
    **settings: object,
) -> Language:
    """Make the initialized pipeline of a system.

    system: one of SYSTEMS.
    docs: that it is initialized with.
    settings: of the head, over those of SYSTEMS.
    """
    components = {"tok2vec": TOK2VEC}
    if SYSTEMS[system]:
        components[system] = {**SYSTEMS[system], **settings}
    config = {"nlp": {"lang": "xx", "pipeline": list(components)}, "components": components}
    fix_random_seed(seed)
    nlp = load_model_from_config(Config(config), auto_fill=True)
    nlp.initialize(lambda: [doc.make_example(nlp.vocab) for doc in docs])
    return nlp
