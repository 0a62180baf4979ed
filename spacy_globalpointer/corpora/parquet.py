"""Parquet files, as Hugging Face's datasets are published. Needs pyarrow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .messages import shorten

# Rows that are in memory at once.
BATCH = 1000


def read_parquet(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of a file; numbers of classes that Hugging Face's metadata name become names.

    YIELDS: file and number of the row from 1, the row.
    RAISES (ValueError): a damaged file, a number without a name. (ImportError): no pyarrow.
    """
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(
            f"reading parquet needs pyarrow, which is not installed: {path}. To fix: pip install "
            '"spacy-globalpointer[formats]"'
        ) from error
    number = 0
    try:
        with ParquetFile(path) as file:
            features = _read_features(file.schema_arrow.metadata or {})
            for batch in file.iter_batches(BATCH):
                for row in batch.to_pylist():
                    number += 1
                    source = f"{path} row {number}"
                    names = ((key, features.get(key)) for key in row)
                    yield source, {key: _name(row[key], what, source) for key, what in names}
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"{path}: the file must be complete parquet, was: {shorten(str(error), 200)} "
            f"(after row {number}). Fetch it again"
        ) from error


def _read_features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Hugging Face's description of each column; empty if there is none."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _name(value: Any, feature: Any, source: str) -> Any:
    """A value in which numbers of classes are names.

    feature: its description.
    """
    if isinstance(feature, list):  # an older way to write a list
        feature = {"feature": feature[0]} if feature else None
    if not isinstance(feature, dict) or value is None:
        return value
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        if type(value) is not int or not isinstance(names, list):
            return value
        if not 0 <= value < len(names):
            raise ValueError(
                f"{source}: the number of a class must be one of 0 to {len(names) - 1}, was: "
                f"{value}. Repair it"
            )
        return names[value]
    if isinstance(value, list):
        inner = feature.get("feature")
        return [_name(item, inner, source) for item in value]
    if isinstance(value, dict):
        inner = feature.get("feature", feature)
        inner = inner if isinstance(inner, dict) else {}
        return {key: _name(item, inner.get(key), source) for key, item in value.items()}
    return value
