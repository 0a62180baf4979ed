"""Findings about what a transformer cannot see: spans over its windows, tokens without a vector."""

from collections.abc import Iterator

from .case import Advice, Case, Finding, advise
from .encoder import CUT_OFF, NO_PIECE, NO_WINDOW, STRIDED, Encoder, EncoderStatistics, Window

# Text with more pieces a token is not written in words (a picture in base64, a sequence of DNA): a
# window that is short enough for it has hardly any context left.
PIECES_OF_A_WORD = 16


def find_windows(case: Case) -> Iterator[Finding]:
    """Spans and texts that are longer than a window, and tokens that get no vector."""
    seen = {name: group.seen for name, group in case.groups.items() if group.seen is not None}
    if not seen:
        return
    encoder = next(iter(seen.values())).encoder
    if encoder.window is not None:
        yield from _find_cut(case, seen, encoder.window)
    if encoder.problem:
        name = str(encoder.model.attrs["name"])
        text = f"Tokens without a vector are not counted for the transformer {name!r}. "
        yield Finding("tokens", "info", text + encoder.problem)
    elif encoder.model is not None:
        width = _choose_width(encoder, seen)
        for name, own in seen.items():
            yield _find_lost(case, name, own, width)
        yield from _find_overflow(encoder, max(own.longest for own in seen.values()))
    else:
        text = "Tokens without a word piece are not counted with spacy-curated-transformers; its "
        yield Finding("tokens", "info", f"{text}windows are of pieces, so that none is cut off")


def _find_cut(case: Case, seen: dict[str, EncoderStatistics], window: Window) -> Iterator[Finding]:
    """Spans and texts that no window holds."""
    width, stride, unit = window
    if stride > width:
        text = f"The stride of {stride} {unit} leaves out text between windows of {width}"
        yield Finding("lengths", "error", f"{text}. Make stride smaller than window")
    shown = f"longer than the transformer's window ({width} {unit})"
    # Where windows are cut off already, `_find_lost` advises shorter ones.
    is_full = any(own.lost[CUT_OFF] for own in seen.values())
    for name, own in seen.items():
        split, group = case.splits[name], case.groups[name]
        longer = sum(n for length, n in split.lengths.items() if length > width)
        if longer:
            text = f"{longer} of {split.n_documents} documents of {name} are {shown}"
            yield Finding("lengths", "info", f"{text}: no window sees all of them")
        if not own.n_cut:
            text = f"All spans of {name} fit in one window of {width} {unit}"
            yield Finding("lengths", "good", text)
            continue
        text = "" if unit == "tokens" else "At least "  # a token may have several pieces
        text += f"{own.n_cut} of {group.n_learned} spans of {name} do not fit in one window"
        text += f" ({group.n_longer(width)} are {shown})"
        text += "" if is_full else ": raise window and stride"
        yield Finding("lengths", "warning", text)


def _find_lost(case: Case, name: str, own: EncoderStatistics, width: int | None) -> Finding:
    """Tokens of a split without a vector, and the gold spans that start or end on one."""
    lost, n_unseen, n_gold = own.lost, own.n_unseen, case.groups[name].n_learned
    if not lost:
        text = f"Every token of {name} gets a vector: no window has more than {own.longest} "
        return Finding("tokens", "good", f"{text}word pieces")
    text = f"{lost.total()} of {own.n_tokens} tokens of {name} get no vector"
    text += ", and " if own.encoder.alone else " from the transformer, and "
    starts = f"{n_unseen} of {n_gold} gold spans start or end on one: these are never learned or"
    if not n_unseen:
        text += "no gold span starts or ends on one."
    elif own.encoder.alone:
        text += f"{starts} found."
    else:
        text += f"{n_unseen} of {n_gold} gold spans start or end on one, without its context."
    if lost[NO_PIECE]:
        text += f" {lost[NO_PIECE]} {NO_PIECE}, such as {', '.join(map(ascii, own.words))}"
        text += ": take such characters out of the texts, or of the spans." if n_unseen else "."
    if lost[NO_WINDOW]:
        text += f" {lost[NO_WINDOW]} {NO_WINDOW}: make stride smaller than window."
    advice = None
    if lost[CUT_OFF]:
        text += f" {lost[CUT_OFF]} {CUT_OFF}, for a window has up to {own.longest} word pieces, and"
        text += f" the transformer takes {own.encoder.most}."
        if width is not None and width <= max(own.widths):
            advice = _advise_window(case, own.encoder, width)
            text += f" Windows of {width} tokens fit."
        else:
            text += f" No window fits words of more than {PIECES_OF_A_WORD} pieces, such as base64:"
            text += " take them out of the texts."
    if n_gold and n_unseen == n_gold and own.encoder.alone:
        return Finding("tokens", "error", text, advice)
    is_harmless = not n_unseen and set(+lost) == {NO_PIECE}
    return Finding("tokens", "info" if is_harmless else "warning", text, advice)


def _choose_width(encoder: Encoder, seen: dict[str, EncoderStatistics]) -> int | None:
    """The widest window (tokens), if any, that is nowhere cut off in texts written in words."""
    least = encoder.most / PIECES_OF_A_WORD
    widths = [width for own in seen.values() for width in own.widths if width >= least]
    if widths and encoder.window is not None:
        # Pieces in the middle of a text may be fewer than at the start of a window.
        widths.append(encoder.window.width - 1)
    return min(widths, default=None)


def _advise_window(case: Case, encoder: Encoder, width: int) -> Advice | None:
    if not encoder.section:
        return None
    now = encoder.window
    share = now.stride / now.width if now is not None and now.stride <= now.width else 0.75
    longer = sum(group.n_longer(width) for group in case.groups.values())
    why = f"no more than {encoder.most} word pieces a window"
    why += f", though {longer} spans do not fit in one" if longer else ""
    stride = max(1, int(share * width))
    getter = {"@span_getters": STRIDED, "window": width, "stride": stride}
    return advise(f"{encoder.section}.get_spans", why, getter)


def _find_overflow(encoder: Encoder, longest: int) -> Iterator[Finding]:
    """Windows that the tokenizer leaves longer than the model's table of positions."""
    if not encoder.positions or not encoder.positions < min(longest, encoder.most):
        return
    text = (
        f"A window has {longest} word pieces, the transformer has {encoder.positions} positions "
        "(max_position_embeddings), and its tokenizer does not cut off the rest: unless positions "
        "are relative, training stops with an index error. To fix: model_max_length in "
        "tokenizer_config"
    )
    # Some tables have a few rows that are no positions: 514 in RoBERTa, of which 512 are.
    usable = encoder.positions - encoder.positions % 16
    settings = {**encoder.model._init_tokenizer_config, "model_max_length": usable}
    lines = {"tokenizer_config": settings}
    advice = advise(encoder.section, "what is longer is cut off", lines)
    yield Finding("tokens", "warning", text, advice if encoder.section else None)
