"""JSON as every reader takes it."""

import json
import math
from typing import Any


def dump_json(value: Any, **options: Any) -> str:
    """Write plain data as JSON; a number that is not finite, for which JSON has none, as null.

    options: of json.dumps.
    RAISES (ValueError, TypeError): what is no plain data.
    """
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, **options)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return value
