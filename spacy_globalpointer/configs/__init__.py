"""The training configs that `spacy global-pointer init-config` writes: one a kind of encoder."""

from pathlib import Path

# Kinds of encoder. Each is a file of this folder, with the reason beside every odd value.
ENCODERS = ("tok2vec", "transformer", "hybrid", "curated")


def find_config(encoder: str) -> Path:
    """The config with a kind of encoder; it leaves to spaCy what needs no other value.

    encoder: one of ENCODERS.
    RAISES (ValueError): another one.
    """
    if encoder not in (*ENCODERS, "relations"):
        raise ValueError(f"encoder must be one of {', '.join(ENCODERS)}, was: {encoder!r}")
    return Path(__file__).parent / f"{encoder}.cfg"
