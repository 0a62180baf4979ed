"""The factory `event_pointer`. spaCy imports this module at each spacy.blank() and spacy.load()
of everyone who has the package installed. So it imports only spaCy; torch is imported when a
component is built.
"""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.language import Language
from spacy.training import Example
from thinc.api import Config, Model

DEFAULT_CONFIG = """
[event_pointer]
spans = "sc"
events_key = "events"
trigger = true
threshold = 0.5
label_thresholds = []
max_distance = null
allow_self = false
type_pairs = "seen"
max_arguments = 32
max_events = 64
candidates = "both"
missing = "skip"
lr_scale = 1.0

[event_pointer.scorer]
@scorers = "spacy_globalpointer.event_scorer.v1"

[event_pointer.loss]
@losses = "spacy_globalpointer.ZLPR.v1"
per = "start"

[event_pointer.model]
@architectures = "spacy_globalpointer.SpanPairs.v1"
head_size = 64
hidden_size = 128
span_label_size = 32
pair_size = 32
dropout = 0.0

[event_pointer.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[event_pointer.model.tok2vec.embed]
@architectures = "spacy_globalpointer.AffixHashEmbed.v1"
width = ${event_pointer.model.tok2vec.encode.width}
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 1000]
affix_lengths = [2, 3, 4, 5]
affix_rows = [2500, 2500, 2500, 2500]
include_static_vectors = false

[event_pointer.model.tok2vec.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = 96
window_size = 1
maxout_pieces = 3
depth = 4
"""


@Language.factory(
    "event_pointer",
    assigns=["doc.spans"],
    default_config=Config().from_str(DEFAULT_CONFIG)["event_pointer"],
    default_score_weights={
        "events_f": 1.0,
        "events_p": 0.0,
        "events_r": 0.0,
        "events_per_type": None,
    },
)
def make_event_pointer(
    nlp: Language,
    name: str,
    model: Model,
    loss: Callable,
    spans: str | list[str | None] | None,
    events_key: str,
    trigger: bool,
    threshold: float,
    # Any is text or a number: for `str | float`, older versions of spaCy make text of numbers.
    label_thresholds: list[list[Any]],
    max_distance: int | None,
    allow_self: bool,
    type_pairs: str,
    max_arguments: int,
    max_events: int,
    candidates: str,
    missing: str,
    lr_scale: float,
    scorer: Callable[[Iterable[Example]], dict[str, Any]] | None,
) -> Any:
    """Make an EventPointer component; the settings are those of its constructor."""
    from .event_pointer import EventPointer
    from .stored import StoredSettings

    pipe = EventPointer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        spans=spans,
        events_key=events_key,
        trigger=trigger,
        threshold=threshold,
        label_thresholds=label_thresholds,
        max_distance=max_distance,
        allow_self=allow_self,
        type_pairs=type_pairs,
        max_arguments=max_arguments,
        max_events=max_events,
        candidates=candidates,
        missing=missing,
        lr_scale=lr_scale,
        scorer=scorer,
    )
    pipe._stored = StoredSettings(pipe.cfg, nlp)
    return pipe
