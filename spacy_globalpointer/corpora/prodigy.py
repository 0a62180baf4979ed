"""Prodigy's records: spans with their tokens, and whether an annotator accepted them."""

from typing import Any

SESSION_KEYS = ("_input_hash", "_task_hash", "_session_id", "_annotator_id", "_view_id", "answer")


def shows_prodigy(row: Any) -> bool:
    """Whether a row is one of Prodigy's: tokens as objects, or relations between tokens."""
    return False
