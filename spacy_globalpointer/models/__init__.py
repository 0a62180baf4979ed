"""The layers: documents -> encoder -> one row of factors per token."""

from .heads import (
    NOTHING_SEEN,
    build_efficient_global_pointer,
    build_global_pointer,
    count_groups,
    finish_update,
    rows_to_factors,
)
from .resize import resize_output

__all__ = [
    "NOTHING_SEEN",
    "build_efficient_global_pointer",
    "build_global_pointer",
    "count_groups",
    "finish_update",
    "resize_output",
    "rows_to_factors",
]
