"""What readers are told beside the file."""

from typing import NamedTuple

# Pattern of a number in a text file; of one with thousands of digits Python makes no number.
NUMBER = r"\d{1,99}"


class Reading(NamedTuple):
    """What a file does not say about itself.

    joiner: put between tokens where there is no text.
    tag_names: of tags that are numbers, by number; empty for none.
    spans_key, relations_key, events_key: of doc.spans, in files that have it.
    columns: what holds the labels; empty for the usual. Columns of tags by name or by number from
        1, layers of WebAnno, infons of BioC.
    """

    joiner: str = " "
    tag_names: tuple[str, ...] = ()
    spans_key: str = "sc"
    relations_key: str = "relations"
    events_key: str = "events"
    columns: tuple[str, ...] = ()


DEFAULTS = Reading()
