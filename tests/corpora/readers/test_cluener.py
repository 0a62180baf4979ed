import pytest

from spacy_globalpointer.corpora.readers.cluener import CLUENER
from spacy_globalpointer.corpora.reading import Reading

TEXT = "李雷和韩梅梅在北京见李雷"


def read(*rows):
    numbered = enumerate(rows, start=1)
    return list(CLUENER.read(((f"x.json line {i}", row) for i, row in numbered), Reading()))


def test_inclusive_ends_become_exclusive():
    label = {
        "name": {"李雷": [[0, 1], [10, 11]], "韩梅梅": [[3, 5]]},
        "address": {"北京": [[7, 8]]},
    }
    (record,) = read({"text": TEXT, "label": label})
    assert record.spans == ((0, 2, "name"), (10, 12, "name"), (3, 6, "name"), (7, 9, "address"))
    assert [TEXT[start:end] for start, end, _ in record.spans] == ["李雷", "李雷", "韩梅梅", "北京"]


def test_no_label_is_not_annotated_and_an_empty_one_is():
    assert [
        record.spans for record in read({"id": 0, "text": TEXT}, {"text": TEXT, "label": {}})
    ] == [
        None,
        (),
    ]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"label": {}}, '"text" must be a string, was: None'),
        (
            {"text": TEXT, "label": {"name": {"李雷": [[0, 2]]}}},
            r"was: '李雷' \('name', 0 to 3\).*'李雷和'. .*ends are 1 too large",
        ),
        ({"text": TEXT, "entities": [[0, 2, "name"]]}, '"entities" looks like annotation'),
        (
            {"text": TEXT, "label": {"name": {"李雷": [[-2, -1]]}}},
            "whole numbers from 0, was: .*-2",
        ),
        ({"text": TEXT, "label": {"name": {"李雷": [["0", "1"]]}}}, "whole numbers from 0"),
        ({"text": TEXT, "label": {"name": {"": [[3, 2]]}}}, "whole numbers from 0, was: {"),
        ({"text": TEXT, "label": {"name": {" ": [[0, 1]]}}}, "whole numbers from 0"),
        ({"text": TEXT, "label": {"name": {"李雷": [0, 1]}}}, '"label" must be {label: {mention'),
        ({"text": TEXT, "label": {"name": {"李雷": [[0, 1, 2]]}}}, '"label" must be'),
        ({"text": TEXT, "label": ["name"]}, '"label" must be'),
        ({"text": TEXT, "label": {"": {"李雷": [[0, 1]]}}}, "label must be a non-empty string"),
    ],
)
def test_a_malformed_line_is_named(row, rule):
    with pytest.raises(ValueError, match=f"^x.json line 2: .*{rule}"):
        read({"text": TEXT}, row)
