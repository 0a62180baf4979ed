"""Whether the transformer gives every token a vector, and the window that would."""

import json
from collections.abc import Iterator

from .case import ERROR, GOOD, INFO, WARNING, Advice, Case, Finding
from .pieces import CUT_OFF, NO_PIECE, NO_WINDOW, PieceCounter, PieceStatistics
from .windows import STRIDED

# Text with more pieces a token is not written in words (a picture in base64, a sequence of DNA): a
# window that is short enough for it has hardly any context left.
PIECES_OF_A_WORD = 16


def find_unseen(case: Case) -> Iterator[Finding]:
    """Tokens of each split without a vector, and the gold spans that start or end on one."""
    if case.window is not None and case.window.unit == "pieces":
        text = "Tokens without a word piece are not counted with spacy-curated-transformers; its "
        yield Finding("tokens", INFO, f"{text}windows are of pieces, so that none is cut off")
    pieces = case.pieces
    if pieces is None:
        return
    if pieces.problem:
        text = f"Tokens without a vector are not counted for the transformer {pieces.name!r}. "
        yield Finding("tokens", INFO, text + pieces.problem)
        return
    found = {name: split.pieces[case.key] for name, split in case.splits.items()}
    width = _choose_width(case, pieces, found)
    for name, own in found.items():
        yield _find_lost(case, pieces, name, own, width)
    yield from _find_overflow(pieces, max(own.longest for own in found.values()))


def _find_lost(
    case: Case, pieces: PieceCounter, name: str, own: PieceStatistics, width: int | None
) -> Finding:
    lost, n_gold = own.lost, case.groups[name].all_lengths.total()
    if not lost:
        text = f"Every token of {name} gets a vector: no window has more than {own.longest} "
        return Finding("tokens", GOOD, f"{text}word pieces")
    text = f"{lost.total()} of {own.n_tokens} tokens of {name} get no vector, and "
    if own.n_spans:
        text += f"{own.n_spans} of {n_gold} gold spans start or end on one: these are never learned"
        text += " or found."
    else:
        text += "no gold span starts or ends on one."
    if lost[NO_PIECE]:
        text += f" {lost[NO_PIECE]} {NO_PIECE}, such as {', '.join(map(ascii, own.words))}"
        text += ": take such characters out of the texts, or of the spans." if own.n_spans else "."
    if lost[NO_WINDOW]:
        text += f" {lost[NO_WINDOW]} {NO_WINDOW}: make stride smaller than window."
    advice = None
    if lost[CUT_OFF]:
        text += f" {lost[CUT_OFF]} {CUT_OFF}, for a window has up to {own.longest} word pieces, and"
        text += f" the transformer takes {pieces.most}."
        if width is not None and width <= max(own.widths):
            advice = _advise_window(case, pieces, width)
            text += f" Windows of {width} tokens fit."
        else:
            text += f" No window fits words of more than {PIECES_OF_A_WORD} pieces, such as base64:"
            text += " take them out of the texts."
    if n_gold and own.n_spans == n_gold:
        return Finding("tokens", ERROR, text, advice)
    is_harmless = not own.n_spans and set(+lost) == {NO_PIECE}
    return Finding("tokens", INFO if is_harmless else WARNING, text, advice)


def _choose_width(
    case: Case, pieces: PieceCounter, found: dict[str, PieceStatistics]
) -> int | None:
    """The widest window (tokens) that is nowhere cut off in texts that are written in words.

    RETURNS: None if there is none, or nothing is cut off.
    """
    least = pieces.most / PIECES_OF_A_WORD
    widths = [width for own in found.values() for width in own.widths if width >= least]
    if not widths:
        return None
    # Pieces in the middle of a text may be fewer than at the start of a window.
    now = max(widths) if case.window is None else case.window.width - 1
    return min(*widths, now)


def _advise_window(case: Case, pieces: PieceCounter, width: int) -> Advice | None:
    if not pieces.section:
        return None
    now = case.window
    share = now.stride / now.width if now is not None and now.stride <= now.width else 0.75
    longer = sum(
        n for g in case.groups.values() for length, n in g.all_lengths.items() if length > width
    )
    why = f"no more than {pieces.most} word pieces a window"
    why += f", though {longer} spans do not fit in one" if longer else ""
    lines = (
        f'@span_getters = "{STRIDED}"',
        f"window = {width}",
        f"stride = {max(1, int(share * width))}",
    )
    return Advice(f"{pieces.section}.get_spans", why, lines)


def _find_overflow(pieces: PieceCounter, longest: int) -> Iterator[Finding]:
    """Windows that the tokenizer leaves longer than the model's table of positions."""
    if not pieces.positions or not pieces.positions < min(longest, pieces.most):
        return
    text = (
        f"A window has {longest} word pieces, the transformer has {pieces.positions} positions "
        "(max_position_embeddings), and its tokenizer does not cut off the rest: unless positions "
        "are relative, training stops with an index error. To fix: model_max_length in "
        "tokenizer_config"
    )
    # Some tables have a few rows that are no positions: 514 in RoBERTa, of which 512 are.
    usable = pieces.positions - pieces.positions % 16
    settings = json.dumps({**pieces.tokenizer_config, "model_max_length": usable})
    lines = (f"tokenizer_config = {settings}",)
    advice = Advice(pieces.section, "what is longer is cut off", lines) if pieces.section else None
    yield Finding("tokens", WARNING, text, advice)
