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
    decode_best,
    decode_dense,
    keep_best,
    without_overlap,
)
from .expected_f1 import check_expected_f1, expected_f1, expected_f1_dense
from .extracted import ExtractedFactors, Factors
from .factors import Corrections, SpanFactors
from .inside import max_inside, mean_inside
from .layout import RowLayout
from .pairs import (
    PairLayout,
    as_directed,
    decode_pairs,
    decode_pairs_dense,
    is_known,
    pair_cells,
)
from .probability import to_probability, to_score
from .projection import PerGradient, opposing_part
from .rivals import KINDS, Rivals, find_rivals, max_by_kind
from .rope import rotate
from .smoothing import smooth_borders, smooth_labels, zlpr_of_smoothed
from .some_cells import loss_of_negatives
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
    "ExtractedFactors",
    "Factors",
    "PairLayout",
    "Per",
    "PerGradient",
    "Rivals",
    "RowLayout",
    "SpanFactors",
    "Tensor",
    "as_directed",
    "best_chain",
    "buckets",
    "check_expected_f1",
    "decode",
    "decode_best",
    "decode_dense",
    "decode_pairs",
    "decode_pairs_dense",
    "end_to_end",
    "expected_f1",
    "expected_f1_dense",
    "find_rivals",
    "is_known",
    "keep_best",
    "loss_of_negatives",
    "max_by_kind",
    "max_inside",
    "maximal_cliques",
    "mean_inside",
    "opposing_part",
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
