"""Grow a corpus with nested, crossing and doubly labelled spans from sentences with slots, or one
with relations between them.

python scripts/grow_corpus.py assets/sample/en.yml corpus/en --seed 0
python scripts/grow_corpus.py assets/sample/en.yml corpus/relations-en \
    --relations assets/sample/en-relations.yml
"""

import random
import re
from itertools import combinations, permutations
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import srsly
import typer
from wasabi import msg

SPLITS = ("train", "dev", "test")
SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
TAG = re.compile(r"<(/?)([A-Z]+)(?::(\w+))?>")
# Between a sentence and the relations that it states.
STATES = " | "


class Grammar(NamedTuple):
    """What one split is made of: the sentences, and what may fill each of their slots."""

    sentences: list[str]
    choices: dict[str, list[str]]
    has_relations: bool = False


class Span(NamedTuple):
    """A labelled stretch of text in characters; `end` is exclusive."""

    start: int
    end: int
    label: str


class Marked(NamedTuple):
    """A text without its marks, the spans that they marked, and those of them with a name."""

    text: str
    spans: list[Span]
    named: dict[str, Span]


def read_source(path: Path, relations: Path | None = None) -> dict[str, Any]:
    """Read names, phrases and sentences; the sentences of `relations` replace those of `path`."""
    source = srsly.read_yaml(path)
    if relations is not None:
        own = srsly.read_yaml(relations)
        if set(own) != {"sentences", "unseen"}:
            raise ValueError(f"{relations} must have sentences and unseen, was: {sorted(own)}")
        source |= {**own, "has_relations": True}
    return source


def select_grammar(source: dict[str, Any], split: str) -> Grammar:
    """Take the names and sentences of one split, and the phrases that all splits share."""
    phrases = {slot: lines.splitlines() for slot, lines in source["phrases"].items()}
    names = {slot: names_of[split] for slot, names_of in source["names"].items()}
    sentences = source["sentences"].splitlines()
    if split == "test":
        sentences += source["unseen"].splitlines()
    return Grammar(sentences, {**phrases, **names}, source.get("has_relations", False))


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

    A name is taken once while there are others, so that nobody is introduced to himself. What
    fills {slot:x} has its first mark named, as in <LABEL:x>.
    """
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        every = choices[match[1]]
        options = [option for option in every if option not in used] or every
        # Python promises the numbers of random() for ever, but not those of choice().
        option = options[int(rng.random() * len(options))]
        if not SLOT.search(option):
            used.add(option)
        filled = SLOT.sub(fill, option)
        return filled if match[2] is None else name_mark(filled, match[2])

    return SLOT.sub(fill, pattern)


def name_mark(marked: str, name: str) -> str:
    """Name the first mark of a phrase.

    RAISES (ValueError): there is none, or it has a name.
    """
    first = TAG.search(marked)
    if first is None or first[3]:
        raise ValueError(f"a slot with a name must hold a span without, was: {name} of {marked!r}")
    return f"{marked[: first.start()]}<{first[2]}:{name}>{marked[first.end() :]}"


def parse_marks(marked: str) -> Marked:
    """Separate a text from its <LABEL>...</LABEL> marks; <LABEL:x> names the span x.

    </LABEL> ends the latest span of that label still open, so spans of two labels can cross.

    RAISES (ValueError): a mark without its partner.
    """
    text = ""
    spans = set()
    named = {}
    opened: list[tuple[str, int, str | None]] = []
    position = 0
    for tag in TAG.finditer(marked):
        text += marked[position : tag.start()]
        position = tag.end()
        if not tag[1]:
            opened.append((tag[2], len(text), tag[3]))
            continue
        latest = max((i for i, (label, *_) in enumerate(opened) if label == tag[2]), default=None)
        if latest is None:
            raise ValueError(f"every mark needs its partner, was: {tag[0]} in {marked!r}")
        label, start, name = opened.pop(latest)
        spans.add(span := Span(start, len(text), label))
        if name is not None:
            named[name] = span
    if opened:
        raise ValueError(f"every mark needs its partner, was: <{opened[0][0]}> in {marked!r}")
    text += marked[position:]
    in_order = sorted(spans, key=lambda span: (span.start, -span.end, span.label))
    return Marked(text, in_order, named)


def parse_relations(stated: str, marked: Marked) -> list[dict[str, Any]]:
    """Turn "a works_for b; b owns c" into relations between the places of these spans.

    RAISES (ValueError): not in this form, or a name that no span has.
    """
    relations = []
    for words in (part.split() for part in stated.split(";") if part.strip()):
        if len(words) != 3 or not {words[0], words[2]} <= set(marked.named):
            raise ValueError(
                "a relation must be a span's name, a label and a span's name, was: "
                f"{' '.join(words)!r}, where the names are {sorted(marked.named)}"
            )
        head, child = (marked.spans.index(marked.named[name]) for name in (words[0], words[2]))
        relations.append({"head": head, "child": child, "label": words[1]})
    return relations


def grow(grammar: Grammar, size: int, rng: random.Random) -> list[dict[str, Any]]:
    """Make `size` different sentences as records: text, spans in characters, maybe relations.

    RAISES (ValueError): sentences too few or too fixed to make that many.
    """
    records: dict[str, dict[str, Any]] = {}
    attempts = 0
    while len(records) < size:
        attempts += 1
        if attempts > 100 * size:
            raise ValueError(f"the sentences give {len(records)} different texts, wanted: {size}")
        sentence = grammar.sentences[int(rng.random() * len(grammar.sentences))]
        pattern, _, stated = sentence.partition(STATES)
        marked = parse_marks(expand(pattern, grammar.choices, rng))
        # Only the first letter: str.capitalize would lower all others.
        text = marked.text[:1].upper() + marked.text[1:]
        record: dict[str, Any] = {"text": text, "spans": [x._asdict() for x in marked.spans]}
        if grammar.has_relations:
            record["relations"] = parse_relations(stated, marked)
        records.setdefault(text, record)
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


def overlap(inner: Span, outer: Span) -> str | None:
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
    kinds_of_spans = ("spans", "inside", "inside same label", "crossing", "doubled")
    counts = dict.fromkeys(("sentences", "without spans", *kinds_of_spans), 0)
    for record in records:
        spans = [Span(**span) for span in record["spans"]]
        counts["sentences"] += 1
        counts["without spans"] += not spans
        counts["spans"] += len(spans)
        for span in spans:
            kinds = {name for other in spans if (name := overlap(span, other))}
            if "inside same label" in kinds:
                kinds.add("inside")
            for name in kinds:
                counts[name] += 1
    return counts


def count_relations(records: list[dict[str, Any]]) -> dict[str, int]:
    """Count relations, and the pairs of spans of a text that they join and might join.

    Spans might be joined if some relation of the records joins spans of their labels.
    """
    names = ("relations", "from right to left", "nested", "several labels", "joined", "not joined")
    counts = dict.fromkeys(names, 0)
    joinable = set()
    for record in records:
        labels = [span["label"] for span in record["spans"]]
        joinable |= {
            frozenset((labels[r["head"]], labels[r["child"]])) for r in record["relations"]
        }
    for record in records:
        spans = [Span(**span) for span in record["spans"]]
        ends = [frozenset((r["head"], r["child"])) for r in record["relations"]]
        pairs = map(frozenset, combinations(range(len(spans)), 2))
        might = {pair for pair in pairs if frozenset(spans[i].label for i in pair) in joinable}
        counts["relations"] += len(ends)
        counts["from right to left"] += sum(r["head"] > r["child"] for r in record["relations"])
        counts["nested"] += sum(
            any(overlap(spans[i], spans[j]) for i, j in permutations(pair)) for pair in ends
        )
        counts["several labels"] += sum(ends.count(pair) > 1 for pair in set(ends))
        counts["joined"] += len(set(ends))
        counts["not joined"] += len(might - set(ends))
    return counts


def print_counts(counts: dict[str, dict[str, int]]) -> None:
    """Print what was counted of each split."""
    rows = [(split, *row.values()) for split, row in counts.items()]
    header = ("split", *counts["train"])
    msg.table(rows, header=header, divider=True, aligns=["l"] + ["r"] * (len(header) - 1))


def main(
    source: Annotated[Path, typer.Argument(help="Names, phrases and sentences (YAML)")],
    output: Annotated[Path, typer.Argument(help="Folder for train, dev and test .jsonl")],
    relations: Annotated[
        Path | None,
        typer.Option(help="Sentences that state relations, in place of those of SOURCE (YAML)"),
    ] = None,
    train: Annotated[int, typer.Option(help="Sentences to train on")] = 1200,
    dev: Annotated[int, typer.Option(help="Sentences to choose the best step by")] = 200,
    test: Annotated[int, typer.Option(help="Sentences to score at the end")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed grows another corpus")] = 0,
) -> None:
    """Write a corpus grown from SOURCE to OUTPUT, and print what is in it."""
    sizes = {"train": train, "dev": dev, "test": test}
    corpus = grow_splits(read_source(source, relations), sizes, seed)
    output.mkdir(parents=True, exist_ok=True)
    for split, records in corpus.items():
        srsly.write_jsonl(output / f"{split}.jsonl", records)
    print_counts({split: count(records) for split, records in corpus.items()})
    if relations is not None:
        print_counts({split: count_relations(records) for split, records in corpus.items()})


if __name__ == "__main__":
    typer.run(main)
