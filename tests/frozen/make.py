"""Train a tiny pipeline with all components and save it, with what it finds, for later versions.

Run as `python tests/frozen/make.py`; README.md beside it says when that is allowed.
"""

import importlib.metadata
import json
import re
import sys
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from event_samples import as_event  # noqa: E402
from relation_samples import RELATED, make_relation_example  # noqa: E402

from spacy_globalpointer import get_events, get_relations, set_events  # noqa: E402

# What happens in the sentences with relations: (trigger, type, [(role, number of a span)]).
EVENTS = [
    [("hired", "Job", [("at", 0), ("who", 2)])],
    [("fired", "Job", [("at", 0), ("who", 2)])],
    [("met", "Meet", [("who", 0), ("who", 1), ("in", 2)])],
    [],
    [("happened", "Meet", [])],
]
WIDTH = 8
SHARED = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": WIDTH,
    "depth": 1,
    "embed_size": 40,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH, "upstream": "*"}
RESCORER = {
    "@architectures": "spacy_globalpointer.SpanRescorer.v1",
    "token_size": 4,
    "hidden_size": 8,
    "rival_size": 2,
}
# Every architecture of a head.
PIPES = {
    "spans": ("global_pointer", "EfficientGlobalPointer", {"rescorer": RESCORER}, {}),
    "flat": (
        "global_pointer",
        "GlobalPointer",
        {},
        {"spans_key": "flat", "allow_overlap": False, "label_thresholds": [["PERSON", 0.4]]},
    ),
    "relations": (
        "relation_pointer",
        "SpanPairs",
        {"hidden_size": 8, "span_label_size": 4, "pair_size": 4},
        {"symmetric": ["KNOWS"]},
    ),
    "events": ("event_pointer", "GPLinker", {}, {}),
}


def make_pipeline() -> Language:
    """An untrained pipeline, whose tokenizer has few rules, as these are saved too."""
    nlp = spacy.blank("xx")
    ends = [re.compile(rule) for rule in (r"^[(]", r"[.,!?)]$", r"--")]
    find = [ends[0].search, ends[1].search, ends[2].finditer]
    nlp.tokenizer = Tokenizer(nlp.vocab, {}, *find)
    nlp.add_pipe("tok2vec", config={"model": SHARED})
    for name, (factory, head, sizes, settings) in PIPES.items():
        architecture = f"spacy_globalpointer.{head}.v1"
        model = {"@architectures": architecture, "tok2vec": LISTENER, "head_size": 4, **sizes}
        if head != "SpanPairs":
            model["hidden_size"] = 8
        nlp.add_pipe(factory, name=name, config={**settings, "model": model})
    # It loads in every spaCy that setup.cfg allows, not only in later ones than this.
    nlp.meta["spacy_version"] = ">=3.8.2,<3.9.0"
    return nlp


def make_examples(nlp: Language) -> list[Example]:
    """The sentences with relations, with events as well."""
    examples = []
    for (text, spans, relations), events in zip(RELATED, EVENTS, strict=True):
        own = [*spans, *((trigger, kind) for trigger, kind, _ in events)]
        example = make_relation_example(nlp, text, own, relations)
        gold = list(example.reference.spans["sc"])
        numbered = enumerate(events, start=len(spans))
        found = [(kind, place, arguments) for place, (_, kind, arguments) in numbered]
        set_events(example.reference, [as_event(event, gold) for event in found])
        example.reference.spans["flat"] = gold
        examples.append(example)
    return examples


def train(nlp: Language) -> None:
    """Learn the sentences, but not until each score is 1, as such scores show no difference."""
    examples = make_examples(nlp)
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)


def describe(doc: Doc) -> dict:
    """What was found in a document, with its scores."""
    spans = {
        key: [
            [span.start, span.end, span.label_, round(float(score), 6)]
            for span, score in zip(doc.spans[key], doc.spans[key].attrs["scores"], strict=True)
        ]
        for key in ("sc", "flat")
    }
    relations = [
        [[r.head.start, r.head.end], [r.child.start, r.child.end], r.label, round(r.score, 6)]
        for r in get_relations(doc)
    ]
    events = [
        [
            event.type,
            event.trigger and [event.trigger.start, event.trigger.end],
            [[role, span.start, span.end] for role, span in event.arguments],
            round(event.score, 6),
        ]
        for event in get_events(doc)
    ]
    return {"text": doc.text, **spans, "relations": relations, "events": events}


def main() -> None:
    """Write the folder of this version, unless it is there."""
    folder = HERE / importlib.metadata.version("spacy-globalpointer")
    if folder.exists():
        sys.exit(f"{folder} must not be there yet: see {HERE / 'README.md'}")
    nlp = make_pipeline()
    train(nlp)
    folder.mkdir()
    nlp.to_disk(folder / "pipeline")
    lines = [json.dumps(describe(doc)) for doc in nlp.pipe(text for text, *_ in RELATED)]
    (folder / "found.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
