"""The layers: documents -> encoder -> one row of factors per token, and a second look at spans."""

from .affixes import build_affix_hash_embed
from .encoders import build_concatenated_encoders, find_listeners
from .gplinker import build_gplinker
from .heads import (
    NOTHING_SEEN,
    build_efficient_global_pointer,
    build_global_pointer,
    model_factors,
    row_width,
)
from .label_groups import check_new_label
from .loading import check_loaded, explain_mismatch
from .pairs import DocSpans
from .rescorer import RescorerInput, build_span_rescorer, learned_labels
from .resize import resize_output
from .span_pairs import build_span_pairs, resize_span_labels
from .text_encoders import build_transformer_text, build_vectors_text
from .text_types import find_text_vectors, read_texts
from .update import finish_update

__all__ = [
    "NOTHING_SEEN",
    "DocSpans",
    "RescorerInput",
    "build_affix_hash_embed",
    "build_concatenated_encoders",
    "build_efficient_global_pointer",
    "build_global_pointer",
    "build_gplinker",
    "build_span_pairs",
    "build_span_rescorer",
    "build_transformer_text",
    "build_vectors_text",
    "check_loaded",
    "check_new_label",
    "explain_mismatch",
    "find_listeners",
    "find_text_vectors",
    "finish_update",
    "learned_labels",
    "model_factors",
    "read_texts",
    "resize_output",
    "resize_span_labels",
    "row_width",
]
