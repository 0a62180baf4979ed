"""JSON as every reader takes it."""

import json
from typing import Any


def dump_json(value: Any, **options: Any) -> str:
    """Write plain data as JSON; a number that is not finite, for which JSON has none, as null.

    options: of json.dumps.
    RAISES (ValueError, TypeError): what is no plain data.
    """
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        finite = json.loads(json.dumps(value), parse_constant=lambda name: None)
        return json.dumps(finite, **options)
