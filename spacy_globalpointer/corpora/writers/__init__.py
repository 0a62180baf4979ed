"""Our records in the forms that tools for annotation import: to be corrected there.

`TOOLS` has one for each: `TOOLS["doccano"].write(record)`. A form keeps what the tool cannot show
where the tool has a free place for it, and says so in its notes; nothing is left out silently.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from ..json_text import dump_json
from .brat import to_brat
from .doccano import to_doccano
from .form import Row, Written
from .label_studio import to_label_studio
from .prodigy import to_prodigy

__all__ = ["TOOLS", "Tool", "Written", "join_written"]


class Tool(NamedTuple):
    """A tool for annotation.

    write: record, name of the model that predicted it (empty for none) -> its form.
    container: what holds many of them: JSON "lines", a JSON "array", or "pairs" of files, whose
        suffixes are the keys of each.
    """

    write: Callable[[Row, str], Written]
    container: Literal["lines", "array", "pairs"]


TOOLS = {
    "doccano": Tool(lambda record, model: to_doccano(record), "lines"),
    "label-studio": Tool(to_label_studio, "array"),
    "prodigy": Tool(lambda record, model: to_prodigy(record), "lines"),
    "brat": Tool(lambda record, model: to_brat(record), "pairs"),
}


def join_written(values: Iterable[dict[str, Any]], container: str) -> Iterator[str]:
    """The parts of one file with many objects, in its order.

    values: of a tool whose container is "lines" or "array".
    """
    if container == "array":
        yield "["
    for number, value in enumerate(values):
        comma = ",\n" if container == "array" and number else ""
        yield f"{comma}{dump_json(value, ensure_ascii=False)}"
        yield "\n" if container == "lines" else ""
    if container == "array":
        yield "]\n"
