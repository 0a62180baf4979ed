"""Grow a corpus with nested, crossing and doubly labelled spans from sentences with slots.

python scripts/grow_corpus.py assets/sample/en.yml corpus/en --seed 0
"""

import random
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import srsly
import typer
from wasabi import msg

SPLITS = ("train", "dev", "test")
SLOT = re.compile(r"\{(\w+)\}")
TAG = re.compile(r"<(/?)([A-Z]+)>")


class Grammar(NamedTuple):
    """What one split is made of: the sentences, and what may fill each of their slots."""

    sentences: list[str]
    choices: dict[str, list[str]]


class Span(NamedTuple):
    """A labelled stretch of text in characters; `end` is exclusive."""

    start: int
    end: int
    label: str


def select_grammar(source: dict[str, Any], split: str) -> Grammar:
    """Take the names and sentences of one split, and the phrases that all splits share."""
    phrases = {slot: lines.splitlines() for slot, lines in source["phrases"].items()}
    names = {slot: names_of[split] for slot, names_of in source["names"].items()}
    sentences = source["sentences"].splitlines()
    if split == "test":
        sentences += source["unseen"].splitlines()
    return Grammar(sentences, {**phrases, **names})


def check_names(source: dict[str, Any]) -> None:
    """Check that no name, whatever its slot, is in two splits.

    RAISES (ValueError): the first name that is.
    """
    split_of: dict[str, str] = {}
    for names_of in source["names"].values():
        for split in SPLITS:
            for name in names_of[split]:
                first = split_of.setdefault(name, split)
                if first != split:
                    raise ValueError(f"a name belongs to one split, was in two: {name!r}")


def expand(pattern: str, choices: dict[str, list[str]], rng: random.Random) -> str:
    """Fill the slots of a pattern, and the slots of what they are filled with.

    A name is taken once while there are others, so that nobody is introduced to himself.
    """
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        every = choices[match[1]]
        options = [option for option in every if option not in used] or every
        # Python promises the numbers of random() for ever, but not those of choice().
        option = options[int(rng.random() * len(options))]
        if not SLOT.search(option):
            used.add(option)
        return SLOT.sub(fill, option)

    return SLOT.sub(fill, pattern)


def parse_marks(marked: str) -> tuple[str, list[Span]]:
    """Separate a text from its <LABEL>...</LABEL> marks.

    </LABEL> ends the latest span of that label still open, so spans of two labels can cross.

    RAISES (ValueError): a mark without its partner.
    """
    text = ""
    spans = set()
    opened: list[tuple[str, int]] = []
    position = 0
    for tag in TAG.finditer(marked):
        text += marked[position : tag.start()]
        position = tag.end()
        if not tag[1]:
            opened.append((tag[2], len(text)))
            continue
        latest = max((i for i, (label, _) in enumerate(opened) if label == tag[2]), default=None)
        if latest is None:
            raise ValueError(f"every mark needs its partner, was: {tag[0]} in {marked!r}")
        label, start = opened.pop(latest)
        spans.add(Span(start, len(text), label))
    if opened:
        raise ValueError(f"every mark needs its partner, was: <{opened[0][0]}> in {marked!r}")
    text += marked[position:]
    return text, sorted(spans, key=lambda span: (span.start, -span.end, span.label))


def grow(grammar: Grammar, size: int, rng: random.Random) -> list[dict[str, Any]]:
    """Make `size` different sentences as records: text, and spans in characters.

    RAISES (ValueError): sentences too few or too fixed to make that many.
    """
    records: dict[str, dict[str, Any]] = {}
    attempts = 0
    while len(records) < size:
        attempts += 1
        if attempts > 100 * size:
            raise ValueError(f"the sentences give {len(records)} different texts, wanted: {size}")
        sentence = grammar.sentences[int(rng.random() * len(grammar.sentences))]
        text, spans = parse_marks(expand(sentence, grammar.choices, rng))
        # Only the first letter: str.capitalize would lower all others.
        text = text[:1].upper() + text[1:]
        records.setdefault(text, {"text": text, "spans": [span._asdict() for span in spans]})
    return list(records.values())


def grow_splits(
    source: dict[str, Any], sizes: dict[str, int], seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Make every split of a corpus; the same source, sizes and seed give the same corpus."""
    check_names(source)
    # A generator of its own for each split: the size of one does not change another.
    return {
        split: grow(select_grammar(source, split), size, random.Random(f"{seed} {split}"))
        for split, size in sizes.items()
    }


def relation(inner: Span, outer: Span) -> str | None:
    """Say how a span lies to another one: doubled (same extent), inside, crossing or None."""
    if inner == outer or inner.end <= outer.start or outer.end <= inner.start:
        return None
    if (inner.start, inner.end) == (outer.start, outer.end):
        return "doubled"
    if outer.start <= inner.start and inner.end <= outer.end:
        return "inside same label" if inner.label == outer.label else "inside"
    if inner.start <= outer.start and outer.end <= inner.end:
        return None
    return "crossing"


def count(records: list[dict[str, Any]]) -> dict[str, int]:
    """Count sentences and spans, and the spans that a flat recogniser cannot find all of."""
    counts = dict.fromkeys(
        (
            "sentences",
            "without spans",
            "spans",
            "inside",
            "inside same label",
            "crossing",
            "doubled",
        ),
        0,
    )
    for record in records:
        spans = [Span(**span) for span in record["spans"]]
        counts["sentences"] += 1
        counts["without spans"] += not spans
        counts["spans"] += len(spans)
        for span in spans:
            relations = {name for other in spans if (name := relation(span, other))}
            if "inside same label" in relations:
                relations.add("inside")
            for name in relations:
                counts[name] += 1
    return counts


def main(
    source: Annotated[Path, typer.Argument(help="Names, phrases and sentences (YAML)")],
    output: Annotated[Path, typer.Argument(help="Folder for train, dev and test .jsonl")],
    train: Annotated[int, typer.Option(help="Sentences to train on")] = 1200,
    dev: Annotated[int, typer.Option(help="Sentences to choose the best step by")] = 200,
    test: Annotated[int, typer.Option(help="Sentences to score at the end")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed grows another corpus")] = 0,
) -> None:
    """Write a corpus grown from SOURCE to OUTPUT, and print what is in it."""
    sizes = {"train": train, "dev": dev, "test": test}
    corpus = grow_splits(srsly.read_yaml(source), sizes, seed)
    output.mkdir(parents=True, exist_ok=True)
    for split, records in corpus.items():
        srsly.write_jsonl(output / f"{split}.jsonl", records)
    counts = {split: count(records) for split, records in corpus.items()}
    rows = [(split, *row.values()) for split, row in counts.items()]
    header = ("split", *counts["train"])
    msg.table(rows, header=header, divider=True, aligns=["l"] + ["r"] * (len(header) - 1))


if __name__ == "__main__":
    typer.run(main)
