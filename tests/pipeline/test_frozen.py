"""Pipelines that earlier versions saved load in this one, and find what they found."""

import importlib.metadata
import json
from pathlib import Path

import pytest
import spacy
from frozen.make import describe

FROZEN = Path(__file__).parents[1] / "frozen"
VERSIONS = sorted(path.parent.name for path in FROZEN.glob("*/found.jsonl"))
# Versions of torch and of processors add up in another order.
TOLERANCE = 1e-4


def test_each_version_has_a_frozen_pipeline():
    assert importlib.metadata.version("spacy-globalpointer") in VERSIONS, "see its README.md"


@pytest.mark.filterwarnings(r"ignore:\[W095\]")  # a later minor version of spaCy
@pytest.mark.parametrize("version", VERSIONS)
def test_a_saved_pipeline_finds_what_it_found(version):
    nlp = spacy.load(FROZEN / version / "pipeline")
    lines = (FROZEN / version / "found.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    n_found = dict.fromkeys(rows[0], 0)
    for row, doc in zip(rows, nlp.pipe([row["text"] for row in rows]), strict=True):
        found = describe(doc)
        for what, expected in row.items():
            n_found[what] += len(expected)
            assert _without_scores(found[what]) == _without_scores(expected), row["text"]
            assert _scores(found[what]) == pytest.approx(_scores(expected), abs=TOLERANCE)
    assert all(n_found.values()), "it finds nothing of a kind, and so shows nothing"


def _without_scores(found):
    return found if isinstance(found, str) else [row[:-1] for row in found]


def _scores(found):
    return [] if isinstance(found, str) else [row[-1] for row in found]
