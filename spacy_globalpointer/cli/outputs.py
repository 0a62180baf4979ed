"""Files that commands write: whole or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator

import srsly


def check_output(output: Path, option: str) -> None:
    """Refuse what cannot be written before anything takes time.

    option: that names the file, for the message.
    RAISES (ValueError): no file, or a folder that cannot be written. (OSError): it cannot be made.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.is_dir() or not os.access(output.parent, os.W_OK):
        raise ValueError(
            f"{option} must be a file in a folder that can be written, was: {output}. "
            "Name another file"
        )


def write_json(report: Dict[str, Any], output: Path) -> None:
    """Write plain data as JSON."""
    write_text(srsly.json_dumps(report, indent=2), output)


def write_text(text: str, output: Path) -> None:
    """Write a file, whole or not at all."""
    with replacing(output) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """Write beside the target and rename, so a stop half-way leaves no half file.

    YIELDS: the file to write.
    """
    partial = output.with_name(f".{output.name}.partial")
    try:
        yield partial
        os.replace(partial, output)
    finally:
        partial.unlink(missing_ok=True)
