"""The mathematics, on torch tensors: no parameters, no documents, no thinc, no spaCy.

Axes, in every shape and comment:
    b document, s start token, e last token, l token, c label, g group, d head_size.
A span is (start, last) with start <= last, both inclusive. Outside this folder spans have an
exclusive `end`. A cell is a place (start, last) of a table of scores: a span, or any pair.
"""

try:
    from torch import Tensor
except ImportError as error:
    raise ImportError(
        "spacy-globalpointer needs a working PyTorch to build the 'global_pointer' component, "
        f"but importing torch failed with: {error}. To fix: pip install torch"
    ) from error

from .batch import buckets, end_to_end, padded_index
from .candidates import CandidateRule, select_candidates
from .cells import PAIRS, SPANS, Cells
from .cliques import maximal_cliques
from .decode import (
    LOWEST_CUT,
    DecodedSpans,
    best_chain,
    decode,
    decode_dense,
    keep_best,
    without_overlap,
)
from .factors import Corrections, SpanFactors
from .inside import max_inside, mean_inside
from .layout import RowLayout
from .pairs import PairLayout, as_directed, decode_pairs, decode_pairs_dense, pair_cells
from .probability import to_probability, to_score
from .rivals import KINDS, Rivals, find_rivals, max_by_kind
from .rope import rotate
from .smoothing import smooth_borders, smooth_labels, zlpr_of_smoothed
from .zlpr import Per, zlpr, zlpr_dense

__all__ = [
    "KINDS",
    "LOWEST_CUT",
    "PAIRS",
    "SPANS",
    "CandidateRule",
    "Cells",
    "Corrections",
    "DecodedSpans",
    "PairLayout",
    "Per",
    "Rivals",
    "RowLayout",
    "SpanFactors",
    "Tensor",
    "as_directed",
    "best_chain",
    "buckets",
    "decode",
    "decode_dense",
    "decode_pairs",
    "decode_pairs_dense",
    "end_to_end",
    "find_rivals",
    "keep_best",
    "max_by_kind",
    "max_inside",
    "maximal_cliques",
    "mean_inside",
    "padded_index",
    "pair_cells",
    "rotate",
    "select_candidates",
    "smooth_borders",
    "smooth_labels",
    "to_probability",
    "to_score",
    "without_overlap",
    "zlpr",
    "zlpr_dense",
    "zlpr_of_smoothed",
]
