"""Grow a corpus with nested, crossing and doubly labelled spans from sentences with slots, or one
with relations between them, or with events.

python scripts/grow_corpus.py assets/sample/en.yml corpus/en --seed 0
python scripts/grow_corpus.py assets/sample/en.yml corpus/relations-en \
    --relations assets/sample/en-relations.yml
python scripts/grow_corpus.py assets/sample/en.yml corpus/events-en \
    --events assets/sample/en-events.yml
"""

import random
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import srsly
import typer

SPLITS = ("train", "dev", "test")
SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
TAG = re.compile(r"<(/?)([A-Z]+)(?::(\w+))?>")
# Between a sentence and what it states: relations or events.
STATES = " | "


class Grammar(NamedTuple):
    """What one split is made of: the sentences, what may fill each of their slots, and what they
    state: "relations", "events", or None.
    """

    sentences: list[str]
    choices: dict[str, list[str]]
    states: str | None = None


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


def read_source(
    path: Path, relations: Path | None = None, events: Path | None = None
) -> dict[str, Any]:
    """Read names, phrases and sentences.

    The sentences of `relations` or `events` replace those of `path`; phrases are added.

    RAISES (ValueError): both of them, or one with other parts.
    """
    source = srsly.read_yaml(path)
    if relations is not None and events is not None:
        raise ValueError(
            "a corpus has relations or events, was: both. To fix: grow one of them at a time"
        )
    for states, own_path in (("relations", relations), ("events", events)):
        if own_path is None:
            continue
        own = {"phrases": {}, **srsly.read_yaml(own_path)}
        if set(own) != {"phrases", "sentences", "unseen"}:
            raise ValueError(
                f"{own_path} must have sentences and unseen, and maybe phrases, was: "
                f"{sorted(srsly.read_yaml(own_path))}"
            )
        own["phrases"] = {**source["phrases"], **own["phrases"]}
        source |= {**own, "states": states}
    return source


def select_grammar(source: dict[str, Any], split: str) -> Grammar:
    """Take the names and sentences of one split, and the phrases that all splits share."""
    phrases = {slot: lines.splitlines() for slot, lines in source["phrases"].items()}
    names = {slot: names_of[split] for slot, names_of in source["names"].items()}
    sentences = source["sentences"].splitlines()
    if split == "test":
        sentences += source["unseen"].splitlines()
    return Grammar(sentences, {**phrases, **names}, source.get("states"))


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


def parse_events(stated: str, marked: Marked) -> list[dict[str, Any]]:
    """Turn "t visitor=a place=b; u" into events with the places of these spans.

    The name before the roles is that of the trigger, whose label is the type of the event.

    RAISES (ValueError): not in this form, or a name that no span has.
    """
    events = []
    for words in (part.split() for part in stated.split(";") if part.strip()):
        trigger, *pairs = words
        arguments = [pair.partition("=") for pair in pairs]
        names = {trigger, *(name for _, _, name in arguments)}
        if not names <= set(marked.named) or not all(role for role, _, _ in arguments):
            raise ValueError(
                "an event must be the name of its trigger and any number of role=name, was: "
                f"{' '.join(words)!r}, where the names are {sorted(marked.named)}"
            )
        place = {name: marked.spans.index(marked.named[name]) for name in names}
        events.append(
            {
                "type": marked.named[trigger].label,
                "trigger": place[trigger],
                "arguments": [{"role": role, "span": place[name]} for role, _, name in arguments],
            }
        )
    return events


# What sentences can state, and how.
STATED = {"relations": parse_relations, "events": parse_events}


def grow(grammar: Grammar, size: int, rng: random.Random) -> list[dict[str, Any]]:
    """Make `size` different sentences as records: text, spans in characters, what they state.

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
        if grammar.states is not None:
            record[grammar.states] = STATED[grammar.states](stated, marked)
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


def main(
    source: Annotated[Path, typer.Argument(help="Names, phrases and sentences (YAML)")],
    output: Annotated[Path, typer.Argument(help="Folder for train, dev and test .jsonl")],
    relations: Annotated[
        Path | None,
        typer.Option(help="Sentences that state relations, in place of those of SOURCE (YAML)"),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Sentences that state events, in place of those of SOURCE (YAML)"),
    ] = None,
    train: Annotated[int, typer.Option(help="Sentences to train on")] = 1200,
    dev: Annotated[int, typer.Option(help="Sentences to choose the best step by")] = 200,
    test: Annotated[int, typer.Option(help="Sentences to score at the end")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed grows another corpus")] = 0,
) -> None:
    """Write a corpus grown from SOURCE to OUTPUT."""
    sizes = {"train": train, "dev": dev, "test": test}
    given = {"relations": relations, "events": events}
    corpus = grow_splits(read_source(source, **given), sizes, seed)
    output.mkdir(parents=True, exist_ok=True)
    for split, records in corpus.items():
        srsly.write_jsonl(output / f"{split}.jsonl", records)


if __name__ == "__main__":
    typer.run(main)
