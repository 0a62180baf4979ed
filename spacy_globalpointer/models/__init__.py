"""The layers: documents -> encoder -> one row of factors per token."""

from .encoders import build_concatenated_encoders
from .heads import NOTHING_SEEN, build_efficient_global_pointer, build_global_pointer
from .loading import check_loaded
from .resize import resize_output
from .update import finish_update

__all__ = [
    "NOTHING_SEEN",
    "build_concatenated_encoders",
    "build_efficient_global_pointer",
    "build_global_pointer",
    "check_loaded",
    "finish_update",
    "resize_output",
]
