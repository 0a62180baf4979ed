"""The sample corpus with events: what its sentences state, and that edges can say it."""

import random
import runpy
from pathlib import Path
from typing import Any

import pytest
import spacy

from spacy_globalpointer.pipeline.event_edges import EventRules, to_edges, to_events
from spacy_globalpointer.spans import LabelledEvent, LabelledSpan

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "assets" / "sample"
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "grow_corpus.py"))
COUNT = runpy.run_path(str(ROOT / "scripts" / "count_corpus.py"))["count_events"]
PLACES = {"GPE"}
# Type and role -> labels of the spans that it may be.
ROLES = {
    "VISIT": {"visitor": {"PERSON"}, "place": PLACES},
    "MEET": {"participant": {"PERSON"}, "place": PLACES},
    "HIRE": {"employer": {"ORG"}, "employee": {"PERSON"}},
    "BUY": {"buyer": {"ORG"}, "bought": {"ORG"}, "seller": {"ORG"}},
    "DISASTER": {"place": PLACES},
    "DELAY": {
        "cause": {"DISASTER", "VISIT", "MEET", "BUY", "PERSON"},
        "delayed": {"VISIT", "MEET", "BUY"},
    },
}


def grow(sentence: str) -> dict[str, Any]:
    choices = {"name": ["<PER>Ada</PER>", "<PER>Mary</PER>"], "went": ["<GO>went</GO>"]}
    grammar = SCRIPT["Grammar"]([sentence], choices, states="events")
    (record,) = SCRIPT["grow"](grammar, 1, random.Random(0))
    return record


def test_triggers_have_arguments_and_may_be_some() -> None:
    states = (
        "{name:a} and {name:b} {went:t}, which <HIT:u>hurt</HIT> {name}. | t who=a who=b; u by=t"
    )
    record = grow(states)
    words = [record["text"][span["start"] : span["end"]] for span in record["spans"]]
    assert words[2:4] == ["went", "hurt"]
    assert record["events"] == [
        {
            "type": "GO",
            "trigger": 2,
            "arguments": [{"role": "who", "span": 0}, {"role": "who", "span": 1}],
        },
        {"type": "HIT", "trigger": 3, "arguments": [{"role": "by", "span": 2}]},
    ]


def test_an_event_may_have_no_argument_and_a_sentence_no_event() -> None:
    assert grow("They {went:t}. | t")["events"] == [{"type": "GO", "trigger": 0, "arguments": []}]
    assert grow("Nobody {name} knew {name}.")["events"] == []


@pytest.mark.parametrize("stated", ["t who=b", "u who=a", "t who", "t =a", "t a", "who=a"])
def test_events_of_unknown_spans_are_an_error(stated: str) -> None:
    with pytest.raises(ValueError, match=rf"an event must be .* was: '{stated}', .*'a', 't'"):
        grow(f"{{name:a}} {{went:t}}. | {stated}")


def test_relations_and_events_at_once_are_an_error() -> None:
    paths = [SAMPLE / f"en{name}.yml" for name in ("", "-relations", "-events")]
    with pytest.raises(ValueError, match="has relations or events, was: both"):
        SCRIPT["read_source"](*paths)


@pytest.fixture(params=["en", "zh"])
def lang(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def corpus(lang: str) -> dict[str, list[dict[str, Any]]]:
    source = SCRIPT["read_source"](SAMPLE / f"{lang}.yml", events=SAMPLE / f"{lang}-events.yml")
    assert not set(source["sentences"].splitlines()) & set(source["unseen"].splitlines())
    return SCRIPT["grow_splits"](source, {"train": 1200, "dev": 200, "test": 300}, seed=0)


def test_events_of_every_kind_are_there(lang: str, corpus: dict[str, list[dict[str, Any]]]) -> None:
    readme = (SAMPLE / "README.md").read_text(encoding="utf8")
    for split, records in corpus.items():
        counts = COUNT(records)
        assert f"| {lang} {split} | " + " | ".join(f"{n:,}" for n in counts.values()) in readme
        assert min(counts.values()) > 0.05 * counts["events"], counts
        assert {event["type"] for record in records for event in record["events"]} == set(ROLES)


def test_spans_fit_the_tokens_and_their_roles(
    lang: str, corpus: dict[str, list[dict[str, Any]]]
) -> None:
    nlp = spacy.blank(lang)
    for record in corpus["test"]:
        doc, spans = nlp.make_doc(record["text"]), record["spans"]
        assert all(doc.char_span(span["start"], span["end"]) is not None for span in spans)
        triggers = {i for i, span in enumerate(spans) if span["label"] in ROLES}
        assert triggers == {event["trigger"] for event in record["events"]}
        for event in record["events"]:
            assert spans[event["trigger"]]["label"] == event["type"]
            for argument in event["arguments"]:
                assert spans[argument["span"]]["label"] in ROLES[event["type"]][argument["role"]]


def test_edges_between_spans_can_say_every_event(corpus: dict[str, list[dict[str, Any]]]) -> None:
    """So nothing but a model's mistakes keeps a score below 1."""
    rules = EventRules(frozenset(ROLES), None, True, 32, 64)
    for record in corpus["train"]:
        spans = [LabelledSpan(**span) for span in record["spans"]]
        events = {
            LabelledEvent(
                event["type"],
                spans[event["trigger"]],
                frozenset((x["role"], spans[x["span"]]) for x in event["arguments"]),
            )
            for event in record["events"]
        }
        found = to_events(dict.fromkeys(to_edges(events), 1.0), dict.fromkeys(spans, 1.0), rules)
        assert found.scores.keys() == events, record["text"]
