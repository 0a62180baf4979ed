"""Peak memory and time of whole components, by what makes documents and models large.

`update` is one training step, the gradients of the weights and the moments of the optimizer
included; `predict` finds spans, relations or events in documents; `stream` sends a corpus through
`nlp.pipe` as it is made, which should take as much memory however long it is.

python -m benchmarks.memory memory.json
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_globalpointer import Event, Relation, set_events, set_relations
from spacy_globalpointer.events import Argument

from .measure import memory_and_seconds, save

# Words of the made-up language, and tokens for each gold span.
WORDS, TOKENS_PER_GOLD = 5000, 8
# Updates before a prediction: a beginner finds spans everywhere.
UPDATES = 5


class Case(NamedTuple):
    """What is measured.

    step: update, predict or stream.
    system: efficient, global_pointer, relations or events; with +rescorer for a second look.
    documents, tokens: of each document, labels.
    spans: of each document, for relations and events.
    max_length (tokens): longest span; None for no limit.
    """

    step: str
    system: str
    documents: int
    tokens: int
    labels: int
    spans: int = 0
    max_length: int | None = 12


HEADS = ("efficient", "global_pointer")
CASES: tuple[Case, ...] = (
    *(Case("update", head, 16, 25, c) for c in (10, 100, 1000, 5000) for head in HEADS),
    *(Case("update", head, 1, n, 5) for n in (1000, 10_000, 50_000) for head in HEADS),
    *(Case("predict", head, 16, 25, c) for c in (10, 1000, 5000) for head in HEADS),
    *(Case("predict", head, n, 100, 5) for n in (10, 100, 1000) for head in HEADS),
    *(
        Case("predict", head + look, 1, n, 5)
        for n in (1000, 10_000, 200_000)
        for head in HEADS
        for look in ("", "+rescorer")
    ),
    *(Case("predict", head, 1, n, 5, 0, None) for n in (1000, 10_000, 50_000) for head in HEADS),
    *(
        Case(step, system, 1, 4000, c, n)
        for step in ("update", "predict")
        for system in ("relations", "events")
        for c, n in ((10, 100), (10, 500), (10, 1000), (10, 2000), (1000, 500))
    ),
    *(
        Case("stream", system, n, 100, 5, 10 * (system not in HEADS))
        for system in (*HEADS, "relations", "events")
        for n in (1000, 10_000)
    ),
)


def measure_memory(
    output: Path,
    *,
    cases: Sequence[Case] = CASES,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> None:
    """Measure each case once, in a process of its own.

    output: JSON file.
    log: told of each result.
    """
    results: list[dict[str, Any]] = []
    for case in cases:
        mib, seconds = memory_and_seconds(prepare_case, case, seed)
        results.append({**case._asdict(), "mib": mib, "cpu_seconds": seconds})
        log(str(results[-1]))
        save(output, "memory", {"seed": seed}, results)


def prepare_case(case: Case, seed: int = 0) -> Callable[[], object]:
    """Make a step.

    RETURNS: a function without arguments.
    """
    warnings.filterwarnings("ignore")
    fix_random_seed(seed)
    nlp, name = _make_pipeline(case)
    random = numpy.random.default_rng(seed)
    labels = [f"L{i}" for i in range(case.labels)]
    nlp.config["initialize"]["components"][name] = {"labels": labels}
    small = case._replace(tokens=min(case.tokens, 100), spans=min(case.spans, 20))
    few = [_make_example(nlp, small, random) for _ in range(4)]
    optimizer = nlp.initialize(lambda: few)
    if case.step == "update":
        examples = [_make_example(nlp, case, random) for _ in range(case.documents)]
        return lambda: nlp.update(examples, sgd=optimizer)
    for _ in range(UPDATES):
        nlp.update(few, sgd=optimizer)
    if case.step == "stream":
        return lambda: _stream(nlp, case, random)
    docs = [_make_example(nlp, case, random).predicted for _ in range(case.documents)]
    pipe: Any = nlp.get_pipe(name)
    return lambda: list(pipe.pipe(docs, batch_size=1000))


def _make_pipeline(case: Case) -> tuple[Language, str]:
    nlp = spacy.blank("en")
    system, _, look = case.system.partition("+")
    if system in ("relations", "events"):
        name = f"{system[:-1]}_pointer"
        nlp.add_pipe(name, config={"candidates": "gold", "type_pairs": "any"})
        return nlp, name
    name = "global_pointer"
    nlp.add_pipe(name)
    config: Any = nlp.config["components"][name]["model"].copy()
    nlp.remove_pipe(name)
    if system == "global_pointer":
        kept = ("tok2vec", "head_size", "hidden_size", "rope", "dropout")
        config = {key: config[key] for key in kept}
        config["@architectures"] = "spacy_globalpointer.GlobalPointer.v1"
    if look:
        config["rescorer"] = {"@architectures": "spacy_globalpointer.SpanRescorer.v1"}
    nlp.add_pipe(name, config={"max_length": case.max_length, "model": config})
    return nlp, name


def _make_example(nlp: Language, case: Case, random: numpy.random.Generator) -> Example:
    words = [f"w{i}" for i in random.zipf(1.3, case.tokens) % WORDS]
    docs = [Doc(nlp.vocab, words=words) for _ in range(2)]
    predicted, doc = docs
    n_spans = case.spans or max(1, case.tokens // TOKENS_PER_GOLD)
    places = numpy.linspace(0, case.tokens - 3, n_spans).astype(int).tolist()
    lengths = random.integers(1, 4, n_spans).tolist()
    types = [f"T{i % 10}" for i in range(n_spans)]
    if not case.spans:
        types = [f"L{i}" for i in random.integers(0, case.labels, n_spans).tolist()]
    rows = list(zip(places, lengths, types, strict=True))
    spans = [Span(doc, start, start + length, label=label) for start, length, label in rows]
    for each in docs:
        each.spans["sc"] = [Span(each, s.start, s.end, label=s.label_) for s in spans]
    pairs = zip(spans, spans[1:], random.integers(0, case.labels, n_spans).tolist(), strict=False)
    if case.system == "relations":
        set_relations(doc, [Relation(one, other, f"L{i}") for one, other, i in pairs])
    elif case.system == "events":
        set_events(doc, [Event(x.label_, x, (Argument(f"L{i}", y),)) for x, y, i in pairs])
    return Example(predicted, doc)


def _stream(nlp: Language, case: Case, random: numpy.random.Generator) -> None:
    docs = (_make_example(nlp, case, random).predicted for _ in range(case.documents))
    for _ in nlp.pipe(docs, batch_size=100):
        pass


def main() -> None:
    """Measure with one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="JSON file")
    parser.add_argument("--only", help="step or system", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = [case for case in CASES if args.only in ("", case.step, case.system)]
    measure_memory(args.output, cases=cases)


if __name__ == "__main__":
    main()
