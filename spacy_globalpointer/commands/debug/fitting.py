"""Whether settings, tokens and windows fit the gold spans."""

from collections import Counter
from collections.abc import Iterator

from ...pipeline.settings import AUTO, with_margin
from .case import ERROR, GOOD, INFO, WARNING, Advice, Case, Finding
from .gold import (
    DUPLICATE,
    EMPTY,
    IDEOGRAPHS,
    LETTERS,
    LOST,
    MISALIGNED,
    PADDED,
    PUNCTUATION,
    SPACE_TOKEN,
)
from .pieces import CUT_OFF
from .statistics import (
    CROSSING,
    NESTED,
    SAME_BORDERS,
    SAME_LABEL,
    GroupStatistics,
    length_of_share,
    share_within,
)

# Above this share of misaligned spans the tokenizer is worth a change.
MANY_MISALIGNED = 0.01
# Up to this share of spans that share tokens more is won without overlap than these are worth:
# of two spans that are found in one place hardly ever both are right.
HARDLY_ANY = 0.01
# One very long span is no reason for a long max_length.
LONG_SPAN = 64


def is_flat(relations: Counter[str], n_spans: int) -> bool:
    """Whether allow_overlap = false suits spans.

    relations: of the spans, as `count_nesting` counts them.
    n_spans: how many there are.
    """
    return count_shared(relations) <= HARDLY_ANY * n_spans


def count_shared(relations: Counter[str]) -> int:
    """Count spans that share tokens with others; one that does so in two ways counts twice.

    relations: of the spans, as `count_nesting` counts them.
    """
    return relations[NESTED] + relations[CROSSING] + relations[SAME_BORDERS]


def find_nesting(case: Case) -> Iterator[Finding]:
    """Whether allow_overlap suits the data."""
    overlap: Counter[str] = Counter()
    for group in case.groups.values():
        overlap.update(group.relations)
    total = sum(group.labels.total() for group in case.groups.values())
    allowed = case.settings.get("allow_overlap", True)
    if is_flat(overlap, total):
        shared = count_shared(overlap)
        why = f"only {shared} of {total} spans share tokens with others"
        why = why if shared else "no two spans of a text share a token"
        advice = case.advise(why, allow_overlap=False) if allowed else None
        yield Finding("nesting", GOOD, f"The data is flat: {why}", advice)
        return
    counts = [f"{overlap[kind]} {kind}" for kind in (NESTED, SAME_LABEL, CROSSING, SAME_BORDERS)]
    text = f"Spans share tokens ({', '.join(counts)})"
    if not allowed:
        advice = case.advise("spans of the data share tokens", allow_overlap=True)
        text += f", but '{case.name}' predicts none that do: allow_overlap = false"
        yield Finding("nesting", WARNING, text, advice)
    elif case.settings.get("annotate_ents") and case.settings.get("ents_filter", "") is None:
        text += ", and doc.ents cannot hold them: annotate_ents without ents_filter fails"
        yield Finding("nesting", ERROR, text)
    else:
        yield Finding("nesting", GOOD, f"{text}, and global_pointer can find them all")


def find_lengths(case: Case) -> Iterator[Finding]:
    """What max_length and max_spans lose, and what would not."""
    limit = case.settings.get("max_length", AUTO)
    lengths = {name: group.all_lengths for name, group in case.groups.items()}
    if not next(iter(lengths.values())):
        return
    advice = _advise_length(case, lengths, limit)
    if limit is None:
        text = "max_length = null: nothing bounds the spans that are found in long texts"
        yield Finding("lengths", INFO, text, advice)
    else:
        yield from _find_kept(lengths, limit, advice)
    most = case.settings.get("max_spans")
    for name, group in case.groups.items():
        if most is not None and group.most_spans > most:
            text = f"A document of {name} has {group.most_spans} spans, but max_spans = {most}"
            advice = case.advise("spans of one document", max_spans=2 * group.most_spans)
            yield Finding("lengths", WARNING, text, advice)


def _find_kept(
    lengths: dict[str, Counter[int]], limit: int | str, advice: Advice | None
) -> Iterator[Finding]:
    """What max_length keeps of each split; the first one is learned from."""
    shown = f"max_length = {limit}"
    if limit == AUTO:
        first, counts = next(iter(lengths.items()))
        limit, shown = with_margin(max(counts)), f'max_length = "{AUTO}"'
        text = f"{shown} will be {limit} tokens: the longest span of {first} has {max(counts)}"
        yield Finding("lengths", INFO if advice else GOOD, text, advice)
    for name, counts in lengths.items():
        lost = sum(n for length, n in counts.items() if length > int(limit))
        text = f"{shown} loses {lost} of {counts.total()} spans of {name}"
        if not lost:
            yield Finding("lengths", GOOD, text)
        else:
            level = ERROR if lost == counts.total() else WARNING
            yield Finding("lengths", level, f"{text} ({lost / counts.total():.2%})", advice)


def _advise_length(
    case: Case, lengths: dict[str, Counter[int]], limit: int | str | None
) -> Advice | None:
    """A max_length with a margin: "auto", unless one very long span makes that too long.

    RETURNS: None if the present limit is that, or longer.
    """
    learned = next(iter(lengths.values()))
    nearly, longest = length_of_share(learned, 0.99), max(learned)
    is_odd = longest > max(LONG_SPAN, 2 * nearly)
    bound = with_margin(nearly if is_odd else longest)
    if (limit == AUTO and not is_odd) or (isinstance(limit, int) and bound <= limit):
        return None
    kept = [f"{share_within(n, bound):.2%} of the spans of {k}" for k, n in lengths.items()]
    why = f"keeps {' and '.join(kept)}"
    if is_odd:
        return case.advise(f"{why}; the longest has {longest} tokens", max_length=bound)
    return case.advise(f"{why}: {bound} tokens", max_length=AUTO)


def find_window(case: Case) -> Iterator[Finding]:
    """Spans and texts that the transformer cannot see as a whole."""
    if case.window is None:
        return
    width, stride, unit = case.window
    if stride > width:
        text = f"The stride of {stride} {unit} leaves out text between windows of {width}"
        yield Finding("lengths", ERROR, f"{text}. Make stride smaller than window")
    shown = f"the transformer's window ({width} {unit})"
    for name, split in case.splits.items():
        longer = sum(n for length, n in split.lengths.items() if length > width)
        if longer:
            text = f"{longer} of {split.n_documents} documents of {name} are longer than {shown}"
            yield Finding("lengths", INFO, f"{text}: no window sees all of them")
        group = case.groups[name]
        counts = group.all_lengths
        n_long = sum(n for length, n in counts.items() if length > width)
        if group.n_cut:
            least = "" if unit == "tokens" else "At least "  # a token may have several pieces
            text = (
                f"{least}{group.n_cut} of {counts.total()} spans of {name} do not fit in one window"
            )
            text += f" ({n_long} are longer than {shown})"
            # Those that a window gets are cut off already: `find_unseen` advises a shorter one.
            is_full = any(own.pieces[case.key].lost[CUT_OFF] for own in case.splits.values())
            text += "" if is_full else ": raise window and stride"
            yield Finding("lengths", WARNING, text)
        else:
            yield Finding(
                "lengths", GOOD, f"All spans of {name} fit in one window of {width} {unit}"
            )


def find_tokens(case: Case) -> Iterator[Finding]:
    """Spans that do not begin and end where tokens do, and why."""
    for name, group in case.groups.items():
        lost = sum(group.count(remark) for remark in LOST)
        if lost and not group.all_lengths:
            text = f"No gold span of {name} can be learned: all {lost} are off the token borders"
            yield Finding("tokens", ERROR, f"{text}. {_border_hint(case, group)}")
            continue
        misaligned = group.count(MISALIGNED)
        share = misaligned / max(1, group.n_spans)
        text = f"{misaligned} of {group.n_spans} spans of {name} ({share:.2%}) {MISALIGNED}"
        if share > MANY_MISALIGNED:
            advice = _advise_tokenizer(case, group) if case.is_config else None
            yield Finding("tokens", WARNING, f"{text}. {_border_hint(case, group)}", advice)
        elif misaligned:
            yield Finding("tokens", INFO, f"{text}: they are not learned")
        else:
            yield Finding("tokens", GOOD, f"All spans of {name} begin and end where tokens do")


def _border_hint(case: Case, group: GroupStatistics) -> str:
    """What to look at first: the offsets, if another reading of them fits, else the tokens."""
    n_lost = group.count(MISALIGNED)
    for reading, n in group.readings.most_common(1):
        if 2 * n >= n_lost:
            return (
                f"Suspect the offsets first: {n} of {n_lost} begin and end where tokens do if "
                f"{reading}. If the offsets are right: {_tokenizer_hint(case, group)}"
            )
    return _tokenizer_hint(case, group)


def _tokenizer_hint(case: Case, group: GroupStatistics) -> str:
    signs = [
        f"{sign if sign in (LETTERS, IDEOGRAPHS) else repr(sign)} ({n})"
        for sign, n in group.breaks.most_common(5)
    ]
    where = f"They cut tokens at {', '.join(signs)}. " if signs else ""
    if _needs_chinese(case, group):
        option = "" if case.is_config else ": use --lang zh"
        return f"{where}Chinese wants one token a character{option}"
    return (
        f"{where}Add these to the tokenizer's infixes or suffixes, give the tokens in the data, or "
        "widen the spans with convert --alignment expand"
    )


def _advise_tokenizer(case: Case, group: GroupStatistics) -> Advice | None:
    if not _needs_chinese(case, group):
        return None
    if case.lang != "zh":
        return Advice("nlp", "one token a Chinese character", ('lang = "zh"',))
    lines = '@tokenizers = "spacy.zh.ChineseTokenizer"', 'segmenter = "char"'
    return Advice("nlp.tokenizer", "one token a character", lines)


def _needs_chinese(case: Case, group: GroupStatistics) -> bool:
    """Whether most borders inside tokens are at Chinese characters, which Japanese has too."""
    return case.lang != "ja" and group.breaks[IDEOGRAPHS] * 2 > group.breaks.total()


def find_remarks(case: Case) -> Iterator[Finding]:
    """Spans that are odd otherwise."""
    levels = {
        EMPTY: WARNING,
        SPACE_TOKEN: WARNING,
        PADDED: INFO,
        DUPLICATE: INFO,
        PUNCTUATION: INFO,
    }
    ends = {EMPTY: ": they are not learned", SPACE_TOKEN: ": they are not learned"}
    for name, group in case.groups.items():
        for remark, level in levels.items():
            n = group.count(remark)
            if n:
                text = f"{n} spans of {name} {remark}{ends.get(remark, '')}"
                yield Finding("tokens", level, text)
