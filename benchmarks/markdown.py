"""Tables in Markdown, and pages that hold them between marks."""

import re
import statistics
from collections.abc import Mapping, Sequence

# A begin without its end must not reach to the end of a later block.
BLOCK = re.compile(
    r"^<!-- BENCH (\w+) -->\n(?:(?!<!-- BENCH ).*\n)*?<!-- /BENCH \1 -->$", re.MULTILINE
)


def fill_page(text: str, tables: Mapping[str, str]) -> str:
    """Put tables between their marks, `<!-- BENCH name -->` and `<!-- /BENCH name -->`.

    text: of a Markdown page; what is not between marks stays.
    tables: in Markdown, by name.
    RETURNS: the text with new tables.
    RAISES (ValueError): a mark without a table of that name, or without its end.
    """
    names = re.findall(r"^<!-- BENCH (\w+) -->$", text, re.MULTILINE)
    for name in names:
        if name not in tables:
            raise ValueError(
                f"every BENCH mark must name a table, was: {name!r}. Tables there are: "
                f"{', '.join(tables) or 'none'}. To fix: python -m benchmarks {name}, or "
                "name the folder of its report"
            )
    ended = [match[1] for match in BLOCK.finditer(text)]
    if ended != names:
        raise ValueError(
            f"every mark <!-- BENCH name --> must have an end <!-- /BENCH name --> before the "
            f"next begins, was: {', '.join(names)}, of which with an end: "
            f"{', '.join(ended) or 'none'}"
        )
    return BLOCK.sub(lambda match: _block(match[1], tables[match[1]]), text)


def _block(name: str, table: str) -> str:
    return f"<!-- BENCH {name} -->\n\n{table}\n<!-- /BENCH {name} -->"


def make_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; all columns but the first are aligned to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def mean_and_spread(values: Sequence[float], digits: int = 1, sign: str = "") -> str:
    """Mean, with the standard deviation if there are several.

    digits: after the point; without any, only the mean is shown.
    sign: "+" to show that of the mean always.
    """
    mean = f"{statistics.mean(values):{sign},.{digits}f}"
    spread = digits and len(values) > 1
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if spread else mean
