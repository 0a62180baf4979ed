"""Published corpus formats -> records -> spaCy documents. Knows spaCy, but no model.

Reading order: `record` (what every format becomes), `documents` (where its characters meet tokens),
then the formats, one module each, then `formats`, which chooses one of them for a file.

Some arguments mean the same everywhere: `lines` are those of a file and `name` is its name,
`source` says where a record is, for messages, and `text` is its text; `joiner` is put between
tokens where there is no text, and is empty for languages that are written without spaces. A row is
an object of a JSON format, and `reading` what no file says about itself.
"""

from .documents import ALIGNMENTS, EVENT_OUTCOMES, OUTCOMES, RELATION_OUTCOMES, record_to_doc
from .formats import FORMATS, detect_format, read_records
from .json_text import dump_json
from .readers.bio import UNSPACED_LANGUAGES
from .reading import Reading
from .record import Record

__all__ = [
    "ALIGNMENTS",
    "EVENT_OUTCOMES",
    "FORMATS",
    "OUTCOMES",
    "RELATION_OUTCOMES",
    "UNSPACED_LANGUAGES",
    "Reading",
    "Record",
    "detect_format",
    "dump_json",
    "read_records",
    "record_to_doc",
]
