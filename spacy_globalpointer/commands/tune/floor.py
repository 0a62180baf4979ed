"""Where a document has more spans or relations than it may have."""

from typing import NamedTuple


class Floor(NamedTuple):
    """The raw score below which some are missing in a document.

    text: the start of the document.
    most: how many it may have.
    """

    score: float
    text: str
    most: int
