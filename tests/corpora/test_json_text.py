import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.corpora import dump_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts) | st.tuples(parts, parts),
    max_leaves=20,
)


def refuse(constant):
    raise AssertionError(constant)


def expected(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: expected(part) for key, part in value.items()}
    return [expected(part) for part in value] if isinstance(value, (list, tuple)) else value


@given(PLAIN)
def test_numbers_that_json_does_not_have_become_null(value):
    assert json.loads(dump_json(value), parse_constant=refuse) == expected(value)


def test_what_is_no_plain_data_is_an_error():
    with pytest.raises(TypeError):
        dump_json({"a": object()})
    loop = []
    loop.append(loop)
    with pytest.raises((ValueError, RecursionError)):
        dump_json(loop)
