"""The factory `relation_pointer`. spaCy imports this module at each spacy.blank() and spacy.load()
of everyone who has the package installed. So it imports only spaCy; torch is imported when a
component is built.
"""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.language import Language
from spacy.training import Example
from thinc.api import Config, Model

DEFAULT_CONFIG = """
[relation_pointer]
spans = "sc"
relations_key = "relations"
threshold = 0.5
label_thresholds = []
symmetric = []
max_distance = null
allow_self = false
type_pairs = "seen"
max_relations = null
candidates = "both"
missing = "skip"
lr_scale = 1.0

[relation_pointer.scorer]
@scorers = "spacy_globalpointer.relation_scorer.v1"

[relation_pointer.loss]
@losses = "spacy_globalpointer.ZLPR.v1"
per = "start"

[relation_pointer.model]
@architectures = "spacy_globalpointer.SpanPairs.v1"
head_size = 64
hidden_size = 128
span_label_size = 32
pair_size = 32
dropout = 0.0

[relation_pointer.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[relation_pointer.model.tok2vec.embed]
@architectures = "spacy_globalpointer.AffixHashEmbed.v1"
width = ${relation_pointer.model.tok2vec.encode.width}
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 1000]
affix_lengths = [2, 3, 4, 5]
affix_rows = [2500, 2500, 2500, 2500]
include_static_vectors = false

[relation_pointer.model.tok2vec.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = 96
window_size = 1
maxout_pieces = 3
depth = 4
"""


@Language.factory(
    "relation_pointer",
    assigns=["doc.spans"],
    default_config=Config().from_str(DEFAULT_CONFIG)["relation_pointer"],
    default_score_weights={
        "relations_f": 1.0,
        "relations_p": 0.0,
        "relations_r": 0.0,
        "relations_per_type": None,
    },
)
def make_relation_pointer(
    nlp: Language,
    name: str,
    model: Model,
    loss: Callable,
    spans: str | list[str | None] | None,
    relations_key: str,
    threshold: float,
    # Any is text or a number: for `str | float`, older versions of spaCy make text of numbers.
    label_thresholds: list[list[Any]],
    symmetric: list[str],
    max_distance: int | None,
    allow_self: bool,
    type_pairs: str,
    max_relations: int | None,
    candidates: str,
    missing: str,
    lr_scale: float,
    scorer: Callable[[Iterable[Example]], dict[str, Any]] | None,
) -> Any:
    """Make a RelationPointer component; the settings are those of its constructor."""
    from .relation_pointer import RelationPointer
    from .stored import StoredSettings

    pipe = RelationPointer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        spans=spans,
        relations_key=relations_key,
        threshold=threshold,
        label_thresholds=label_thresholds,
        symmetric=symmetric,
        max_distance=max_distance,
        allow_self=allow_self,
        type_pairs=type_pairs,
        max_relations=max_relations,
        candidates=candidates,
        missing=missing,
        lr_scale=lr_scale,
        scorer=scorer,
    )
    pipe._stored = StoredSettings(pipe.cfg, nlp)
    return pipe
