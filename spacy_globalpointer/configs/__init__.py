"""The training configs that `spacy global-pointer init-config` writes: each a file of this folder,
with the reason beside every odd value.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Configs of spans alone, by their kind of encoder.
ENCODERS = ("tok2vec", "transformer", "hybrid", "curated")
# Configs of relations. Two learn the spans too, by their kind of encoder; the last joins the
# entities of a trained pipeline.
RELATIONS = {"tok2vec": "relations", "transformer": "relations_transformer"}
RELATIONS_OF_NER = "relations_ner"
# Configs of events, which learn the spans too.
EVENTS = {"tok2vec": "events", "transformer": "events_transformer"}
# For Chinese: a token is a character there, and has no affixes but in its neighbours. All pairs of
# characters need more rows than affixes of one length.
CHINESE = {"affix_lengths": [2], "affix_rows": [10000], "across_tokens": True}
CONFIGS = (*ENCODERS, *RELATIONS.values(), RELATIONS_OF_NER, *EVENTS.values())


def find_config(name: str) -> Path:
    """The config of a name; it leaves to spaCy what needs no other value.

    name: one of CONFIGS.
    RAISES (ValueError): another one.
    """
    if name not in CONFIGS:
        raise ValueError(f"a config must be one of {', '.join(CONFIGS)}, was: {name!r}")
    return Path(__file__).parent / f"{name}.cfg"


def fit_language(config: dict[str, Any], lang: str) -> None:
    """Change what a config has for a language: its tokenizer, and what is read of its words.

    lang: code of the language.
    """
    config["nlp"]["lang"] = lang
    for block in _list_blocks(config["components"]):
        if lang == "zh" and "affix_lengths" in block:
            block.update(CHINESE)


def _list_blocks(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield block
    for inner in block.values():
        if isinstance(inner, dict):
            yield from _list_blocks(inner)
