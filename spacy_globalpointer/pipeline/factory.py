"""The factory `global_pointer`. spaCy imports this module at each spacy.blank() and spacy.load()
of everyone who has the package installed. So it imports only spaCy; torch is imported when a
component is built.
"""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Config, Model
from thinc.types import Floats2d

DEFAULT_CONFIG = """
[global_pointer]
spans_key = "sc"
threshold = 0.5
label_thresholds = []
max_length = "auto"
max_spans = null
one_per_label = false
allow_overlap = true
annotate_ents = false
missing = "skip"
incorrect_spans_key = null
label_weights = []
adversarial = 0.0
lr_scale = 1.0
soft_spans_key = null
soft_weight = 0.5
soft_rehearsal = false

[global_pointer.ents_filter]
@misc = "spacy.first_longest_spans_filter.v1"

[global_pointer.scorer]
@scorers = "spacy_globalpointer.span_scorer.v1"

[global_pointer.loss]
@losses = "spacy_globalpointer.ZLPR.v1"
per = "start"

[global_pointer.model]
@architectures = "spacy_globalpointer.EfficientGlobalPointer.v1"
head_size = 64
rope = true
dropout = 0.0
hidden_size = 128

[global_pointer.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[global_pointer.model.tok2vec.embed]
@architectures = "spacy_globalpointer.AffixHashEmbed.v1"
width = ${global_pointer.model.tok2vec.encode.width}
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 1000]
affix_lengths = [2, 3, 4, 5]
affix_rows = [2500, 2500, 2500, 2500]
include_static_vectors = false

[global_pointer.model.tok2vec.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = 96
window_size = 1
maxout_pieces = 3
depth = 4
"""


@Language.factory(
    "global_pointer",
    # doc.ents only with annotate_ents; spaCy asks the factory, not the component.
    assigns=["doc.spans", "doc.ents", "token.ent_iob", "token.ent_type"],
    default_config=Config().from_str(DEFAULT_CONFIG)["global_pointer"],
    default_score_weights={
        "spans_sc_f": 1.0,
        "spans_sc_p": 0.0,
        "spans_sc_r": 0.0,
        "spans_sc_per_type": None,
    },
)
def make_global_pointer(
    nlp: Language,
    name: str,
    model: Model[list[Doc], list[Floats2d]],
    loss: Callable,
    spans_key: str,
    threshold: float,
    # Any is text or a number: for `str | float`, older versions of spaCy make text of numbers.
    label_thresholds: list[list[Any]],
    max_length: Any,
    max_spans: int | None,
    one_per_label: bool,
    allow_overlap: bool,
    annotate_ents: bool,
    ents_filter: Callable[[Iterable[Span], Iterable[Span]], Iterable[Span]] | None,
    missing: str,
    incorrect_spans_key: str | None,
    label_weights: list[list[Any]],
    adversarial: float,
    lr_scale: float,
    soft_spans_key: str | None,
    soft_weight: float,
    soft_rehearsal: bool,
    scorer: Callable[[Iterable[Example]], dict[str, Any]] | None,
) -> Any:
    """Make a GlobalPointer component; the settings are those of its constructor."""
    from .global_pointer import GlobalPointer
    from .stored import StoredSettings

    pipe = GlobalPointer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        spans_key=spans_key,
        threshold=threshold,
        label_thresholds=label_thresholds,
        max_length=max_length,
        max_spans=max_spans,
        one_per_label=one_per_label,
        allow_overlap=allow_overlap,
        annotate_ents=annotate_ents,
        ents_filter=ents_filter,
        missing=missing,
        incorrect_spans_key=incorrect_spans_key,
        label_weights=label_weights,
        adversarial=adversarial,
        lr_scale=lr_scale,
        soft_spans_key=soft_spans_key,
        soft_weight=soft_weight,
        soft_rehearsal=soft_rehearsal,
        scorer=scorer,
    )
    pipe._stored = StoredSettings(pipe.cfg, nlp)
    return pipe
