"""Findings about gold spans that do not fit the tokens, and why."""

from collections.abc import Iterator

from . import gold
from .case import ERROR, GOOD, INFO, WARNING, Advice, Case, Finding
from .statistics import GroupStatistics

# Above this share of misaligned spans the tokenizer is worth a change.
MANY_MISALIGNED = 0.01
# Other remarks.
LEVELS = {
    gold.EMPTY: WARNING,
    gold.SPACE_TOKEN: WARNING,
    gold.PADDED: INFO,
    gold.DUPLICATE: INFO,
    gold.PUNCTUATION: INFO,
}


def find_tokens(case: Case) -> Iterator[Finding]:
    """Spans that do not begin and end where tokens do, and spans that are odd otherwise."""
    for name, group in case.groups.items():
        lost = sum(map(group.count, gold.LOST))
        misaligned = group.count(gold.MISALIGNED)
        share = misaligned / max(1, group.n_spans)
        text = f"{misaligned} of {group.n_spans} spans of {name} ({share:.2%}) {gold.MISALIGNED}"
        if lost and not group.all_lengths:
            text = (
                f"No gold span of {name} can be learned: all {lost} are misaligned with the tokens"
            )
            yield Finding("tokens", ERROR, f"{text}. {_suspect(case, group)}")
        elif share > MANY_MISALIGNED:
            advice = _advise_tokenizer(case) if _needs_chinese(case, group) else None
            yield Finding("tokens", WARNING, f"{text}. {_suspect(case, group)}", advice)
        elif misaligned:
            yield Finding("tokens", INFO, f"{text}: they are not learned")
        else:
            yield Finding("tokens", GOOD, f"All spans of {name} begin and end where tokens do")
    for name, group in case.groups.items():
        for remark, level in LEVELS.items():
            n = group.count(remark)
            if n:
                end = ": they are not learned" if remark in gold.LOST else ""
                yield Finding("tokens", level, f"{n} spans of {name} {remark}{end}")


def _suspect(case: Case, group: GroupStatistics) -> str:
    """What to look at first: the offsets, if another reading of them fits, else the tokens."""
    signs = [
        f"{sign if sign in (gold.LETTERS, gold.IDEOGRAPHS) else repr(sign)} ({n})"
        for sign, n in group.breaks.most_common(5)
    ]
    hint = f"They cut tokens at {', '.join(signs)}. " if signs else ""
    if _needs_chinese(case, group):
        hint += "Chinese wants one token a character"
        hint += "" if case.is_config else ": use --lang zh"
    else:
        hint += "Add these to the tokenizer's infixes or suffixes, give the tokens in the data, or "
        hint += "widen the spans with convert --alignment expand"
    n_lost = group.count(gold.MISALIGNED)
    for reading, n in group.readings.most_common(1):
        if 2 * n >= n_lost:
            return (
                f"Suspect the offsets first: {n} of {n_lost} begin and end where tokens do if "
                f"{reading}. If the offsets are right: {hint}"
            )
    return hint


def _needs_chinese(case: Case, group: GroupStatistics) -> bool:
    """Whether most borders inside tokens are at Chinese characters, which Japanese has too."""
    return case.lang != "ja" and group.breaks[gold.IDEOGRAPHS] * 2 > group.breaks.total()


def _advise_tokenizer(case: Case) -> Advice | None:
    if not case.is_config:
        return None
    if case.lang != "zh":
        return Advice("nlp", "one token a Chinese character", ('lang = "zh"',))
    lines = '@tokenizers = "spacy.zh.ChineseTokenizer"', 'segmenter = "char"'
    return Advice("nlp.tokenizer", "one token a character", lines)
