"""The rules for the numbers of architectures.

spaCy checks the types of a config, but takes a number in quotes for a number.
"""

from collections.abc import Mapping

from ..messages import BY_DEFAULT


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Refuse sizes that are not whole numbers of at least 1.

    sizes: by their names, for the message.
    RAISES (ValueError): one of them is not.
    """
    for what, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ValueError(
                f"{what} must be a whole number of at least 1, was: {size!r}. {BY_DEFAULT}"
            )


def check_dropout(dropout: float) -> None:
    """Refuse a dropout rate of the head outside [0, 1).

    RAISES (ValueError): it is.
    """
    if isinstance(dropout, str) or not 0 <= dropout < 1:
        raise ValueError(f"dropout of the head must be in [0, 1), was: {dropout!r}. {BY_DEFAULT}")
