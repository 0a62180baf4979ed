"""Parquet files, as Hugging Face's datasets are published. Needs pyarrow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..messages import shorten

# Rows that are in memory at once.
BATCH = 1000


def read_parquet(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of a file; numbers of classes that Hugging Face's metadata name become names.

    Parquet has every column in every row: what is null is left out of rows, and of objects in them.

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
                    yield source, _name_all(row, features, source)
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


def _name_all(row: dict[str, Any], features: dict[str, Any], source: str) -> dict[str, Any]:
    """An object without nulls, in which numbers of classes are names."""
    known = {key: value for key, value in row.items() if value is not None}
    return {key: _name(value, features.get(key), source) for key, value in known.items()}


def _name(value: Any, feature: Any, source: str) -> Any:
    """A value in which numbers of classes are names.

    feature: its description.
    """
    if isinstance(feature, list):  # an older way to write a list
        feature = {"feature": feature[0]} if feature else None
    feature = feature if isinstance(feature, dict) else {}
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
        return _name_all(value, inner if isinstance(inner, dict) else {}, source)
    return value
