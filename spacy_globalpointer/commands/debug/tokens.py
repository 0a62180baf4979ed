"""Findings about gold spans that do not fit the tokens, and why."""

from collections.abc import Iterator

from . import gold
from .case import Advice, Case, Finding, advise
from .statistics import GroupStatistics

# Above this share of misaligned spans the tokenizer is worth a change.
MANY_MISALIGNED = 0.01


def find_tokens(case: Case) -> Iterator[Finding]:
    """Spans that do not begin and end where tokens do, and spans that are odd otherwise."""
    for name, group in case.groups.items():
        lost, misaligned = group.n_lost, group.count(gold.MISALIGNED)
        share = misaligned / max(1, group.n_spans)
        text = f"{misaligned} of {group.n_spans} spans of {name} ({share:.2%}) {gold.MISALIGNED}"
        if lost and not group.all_lengths:
            text = f"No gold span of {name} can be learned: all {lost} are misaligned with the "
            yield Finding("tokens", "error", f"{text}tokens. {_suspect(case, group)}")
        elif share > MANY_MISALIGNED:
            text = f"{text}. {_suspect(case, group)}"
            yield Finding("tokens", "warning", text, _advise_tokenizer(case, group))
        elif misaligned:
            yield Finding("tokens", "info", f"{text}: they are not learned")
        else:
            yield Finding("tokens", "good", f"All spans of {name} begin and end where tokens do")
    for name, group in case.groups.items():
        for remark in (gold.EMPTY, gold.SPACE_TOKEN, gold.PADDED, gold.DUPLICATE, gold.PUNCTUATION):
            text = f"{group.count(remark)} spans of {name} {remark}"
            if group.count(remark) and remark in gold.LOST:
                yield Finding("tokens", "warning", f"{text}: they are not learned")
            elif group.count(remark):
                yield Finding("tokens", "info", text)


def _suspect(case: Case, group: GroupStatistics) -> str:
    """What to look at first: the offsets, if another reading of them fits, else the tokens."""
    signs = ", ".join(
        f"{sign if sign in (gold.LETTERS, gold.IDEOGRAPHS) else repr(sign)} ({n})"
        for sign, n in group.breaks.most_common(5)
    )
    hint = f"They cut tokens at {signs}. " if signs else ""
    if _needs_chinese(case, group):
        hint += "Chinese wants one token a character" + (
            "" if case.is_config else ": use --lang zh"
        )
    else:
        hint += "Add these to the tokenizer's infixes or suffixes, give the tokens in the data, or "
        hint += "widen the spans with convert --alignment expand"
    n_lost = group.count(gold.MISALIGNED)
    for reading, n in group.readings.most_common(1):
        if 2 * n >= n_lost:
            text = f"Suspect the offsets first: {n} of {n_lost} begin and end where tokens do if "
            return f"{text}{reading}. If the offsets are right: {hint}"
    return hint


def _needs_chinese(case: Case, group: GroupStatistics) -> bool:
    """Whether most borders inside tokens are at Chinese characters, which Japanese has too."""
    return case.lang != "ja" and group.breaks[gold.IDEOGRAPHS] * 2 > group.breaks.total()


def _advise_tokenizer(case: Case, group: GroupStatistics) -> Advice | None:
    if not (case.is_config and _needs_chinese(case, group)):
        return None
    if case.lang != "zh":
        return advise("nlp", "one token a Chinese character", {"lang": "zh"})
    tokenizer = {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "char"}
    return advise("nlp.tokenizer", "one token a character", tokenizer)
