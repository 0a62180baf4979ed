"""The training configs that `spacy global-pointer init-config` writes: each a file of this folder,
with the reason beside every odd value.
"""

from pathlib import Path

# Configs of spans alone, by their kind of encoder.
ENCODERS = ("tok2vec", "transformer", "hybrid", "curated")
# Configs of relations. Two learn the spans too, by their kind of encoder; the last joins the
# entities of a trained pipeline.
RELATIONS = {"tok2vec": "relations", "transformer": "relations_transformer"}
RELATIONS_OF_NER = "relations_ner"
# Configs of events, which learn the spans too.
EVENTS = {"tok2vec": "events", "transformer": "events_transformer"}
CONFIGS = (*ENCODERS, *RELATIONS.values(), RELATIONS_OF_NER, *EVENTS.values())


def find_config(name: str) -> Path:
    """The config of a name; it leaves to spaCy what needs no other value.

    name: one of CONFIGS.
    RAISES (ValueError): another one.
    """
    if name not in CONFIGS:
        raise ValueError(f"a config must be one of {', '.join(CONFIGS)}, was: {name!r}")
    return Path(__file__).parent / f"{name}.cfg"
