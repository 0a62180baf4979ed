"""JSON formats as dialects: how a row is read, and what shows that it is one of theirs."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..containers import Rows, check_object
from ..reading import Reading
from ..record import Record


class Dialect(NamedTuple):
    """A JSON format.

    read: rows, Reading -> records.
    fits: row -> whether it shows the format. A row without annotation may show none.
    """

    read: Callable[[Rows, Reading], Iterator[Record]]
    fits: Callable[[Any], bool]


def read_each(
    read: Callable[[dict[str, Any], str, Reading], Record],
) -> Callable[[Rows, Reading], Iterator[Record]]:
    """The reader of rows that stand for a record each.

    read: object, its file and line, Reading -> record.
    """

    def read_all(rows: Rows, reading: Reading) -> Iterator[Record]:
        for source, row in rows:
            yield read(check_object(row, source), source, reading)

    return read_all
