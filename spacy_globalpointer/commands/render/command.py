"""`spacy global-pointer render`: spans as a page, and the scores of one text as a heat map."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from spacy.cli._util import import_code
from spacy.language import Language
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora import FORMATS, Record
from ...messages import fit_screen
from ..inputs import Code, Component, Gpu, check_keys, make_blank, use_gpu
from ..outputs import check_output, write_text
from .checks import check_gold, check_gold_pairs
from .data import (
    Document,
    Keys,
    read_documents,
    split_inputs,
)
from .heat_map import MOST_TOKENS, draw_heat_map, score_spans
from .page import Page
from .pipeline import Predictor, load_predictor


def render_cli(
    inputs: Annotated[
        list[str],
        Argument(
            metavar="MODEL|DATA...",
            help="A pipeline and data to predict, or a pipeline and --text, or annotated data "
            "alone. Data: .spacy, .txt (a text a line; not alone), or what `convert` reads; or a "
            "folder",
        ),
    ],
    output: Annotated[Path | None, Option("--output", "-o", help="Page to write (.html)")] = None,
    heatmap: Annotated[
        Path | None,
        Option(
            help="Picture to write (.svg): the scores of all spans of one text of up to 60 tokens"
        ),
    ] = None,
    text: Annotated[
        str | None, Option("--text", "-t", help="Text to predict, in place of data")
    ] = None,
    document: Annotated[
        int, Option("--document", min=1, help="Which text --heatmap shows, from 1")
    ] = 1,
    component: Component = None,
    spans_key: Annotated[
        str | None,
        Option(
            "--spans-key",
            "-k",
            help="Group of the gold spans; if not set, the component's, or sc",
        ),
    ] = None,
    relations_key: Annotated[
        str | None,
        Option(
            help="Group of the gold relations; if not set, the component's, or without a pipeline "
            "relations"
        ),
    ] = None,
    events_key: Annotated[
        str | None,
        Option(
            help="Group of the gold events; if not set, the component's, or without a pipeline "
            "events"
        ),
    ] = None,
    lang: Annotated[
        str,
        Option("--lang", "-l", help="Language code of annotated data that has no pipeline with it"),
    ] = "en",
    format: Annotated[
        str, Option("--format", "-f", help=f"Format of data: auto, txt, {', '.join(FORMATS)}")
    ] = "auto",
    limit: Annotated[
        int, Option("--limit", "-n", min=0, help="Documents to look at; 0: all")
    ] = 100,
    page_size: Annotated[
        int, Option(min=1, help="Documents on one page of the file, or parts of long documents")
    ] = 20,
    errors_only: Annotated[
        bool,
        Option(
            "--errors-only",
            "-E",
            help="Draw only documents with a wrong or a missed span, relation or event",
        ),
    ] = False,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Show nested spans as lines under their text, relations as arcs between them, events as arcs and
    a table, and the scores of all spans as a heat map.

    The page is one HTML file. Predictions stand beside the gold if the data has
    it; point at a span or a relation to see its score. A relation that would
    leave its line of text is listed. The heat map is a table of first by last
    tokens for each label.

    $ spacy global-pointer render training/model-best dev.spacy --output page.html

    $ spacy global-pointer render train.jsonl --lang zh --output page.html

    $ spacy global-pointer render training/model-best --text "Ulm is old." --heatmap ulm.svg
    """
    msg = Printer()
    contents: dict[Path, str] = {}
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        model, files = split_inputs(inputs, text)
        check_wishes(model, files, output, heatmap, errors_only)
        shown = None if model is None else load_predictor(model, component)
        nlp = make_blank(lang) if shown is None else shown.nlp
        keys = choose_keys(shown, spans_key, relations_key, events_key)
        documents, notes = gather(nlp, files, text, keys, format, limit)
        asked = relations_key is not None, events_key is not None
        notes += check_documents(documents, keys, shown, errors_only, asked)
        if shown is not None and heatmap is not None:
            check_choice(documents, document, shown)
        page = Page(errors_only=errors_only, symmetric=shown.symmetric if shown else ())
        pairs = shown.predict(documents) if shown else ((own.doc, own) for own in documents)
        for number, (doc, gold) in enumerate(pairs, start=1):
            found, related, happened = shown.read(doc) if shown else (None, None, None)
            joined = (related, gold.relations), (happened, gold.events)
            page.add(number, doc, found, gold.spans, *joined)
            if shown is not None and heatmap is not None and number == document:
                scores, first = score_spans(shown.spans, doc)
                contents[heatmap] = draw_heat_map(doc, scores, found or (), gold.spans or (), first)
        notes += page.notes()
        if output is not None:
            contents[output] = page.html(" on ".join(inputs), notes, page_size)
        for path, content in contents.items():
            write_text(content, path)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Rendering stopped", fit_screen(str(error)), exits=1)
    for note in notes:
        msg.warn(fit_screen(note))
    for path in contents:
        msg.good(f"Wrote {path}")


def check_wishes(
    model: str | None,
    files: Sequence[Path],
    output: Path | None,
    heatmap: Path | None,
    errors_only: bool,
) -> None:
    """Refuse outputs that cannot be made or written, before anything takes time.

    model, files: the pipeline and the data.
    RAISES (ValueError): naming the rule, the value and the repair. (OSError): no folder for them.
    """
    if output is None and heatmap is None:
        raise ValueError("there must be something to write: --output page.html or --heatmap x.svg")
    if heatmap is not None and model is None:
        raise ValueError("--heatmap needs a pipeline, whose scores it shows: MODEL DATA")
    if errors_only and (model is None or not files or output is None):
        raise ValueError(
            "--errors-only needs a pipeline, annotated data to compare with, and a page: "
            "MODEL DATA --output page.html"
        )
    if output is not None:
        check_output(output, "--output", files)
    if heatmap is not None:
        check_output(heatmap, "--heatmap", [*files, *filter(None, [output])])
        if heatmap.suffix != ".svg":
            raise ValueError(
                f"--heatmap writes SVG, so its name must end in .svg, was: {heatmap}. "
                f"To fix: --heatmap {heatmap.with_suffix('.svg')}"
            )


def gather(
    nlp: Language, files: Sequence[Path], text: str | None, keys: Keys, format: str, limit: int
) -> tuple[list[Document], list[str]]:
    """The documents to show, and what a user should know about them; see `read_documents`.

    text: one to show in place of files.
    """
    if text is None:
        return read_documents(nlp, files, keys, format, limit)
    return [Document(nlp.make_doc(Record(text, source="--text").text), None)], []


def check_choice(documents: Sequence[Document], number: int, shown: Predictor) -> None:
    """Refuse a document that a heat map cannot show.

    number: of the document, from 1.
    RAISES (ValueError): no component with scores of spans, no such document, too long.
    """
    if shown.spans is None:
        raise ValueError(
            "--heatmap shows the scores of a global_pointer component, but another one finds the "
            "spans of this pipeline. To fix: leave it out, or name one with --component"
        )
    if number > len(documents):
        raise ValueError(
            f"--document must be one of the {len(documents)} documents that are looked at, was: "
            f"{number}. --limit 0 takes all"
        )
    n_tokens = len(documents[number - 1].doc)
    if n_tokens > MOST_TOKENS:
        raise ValueError(
            f"a heat map shows a text of 1 to {MOST_TOKENS} tokens, was: {n_tokens} (document "
            f"{number}). Give one sentence of it with --text, or choose another document with "
            "--document"
        )


def choose_keys(
    shown: Predictor | None, spans: str | None, relations: str | None, events: str | None
) -> Keys:
    """The groups of the gold: those of the options, or of the components.

    RAISES (ValueError): one group for several of them.
    """
    own = Keys(["sc"], "relations", "events") if shown is None else shown.keys
    keys = Keys(
        own.spans if spans is None else [spans], relations or own.relations, events or own.events
    )
    check_keys("--spans-key", keys.of_records, keys.relations, keys.events)
    return keys


def check_documents(
    documents: Sequence[Document],
    keys: Keys,
    shown: Predictor | None,
    errors_only: bool,
    is_asked: tuple[bool, bool],
) -> list[str]:
    """Say what a user should know about the gold.

    is_asked: whether the user has named the group of the relations, and that of the events.
    RAISES (ValueError): there is no gold where it is needed.
    """
    labels = None if shown is None else shown.span_labels
    related = None if shown is None or shown.relations is None else shown.relations.labels
    types = None if shown is None else shown.event_types
    return [
        *check_gold(documents, keys, labels, is_alone=shown is None, required=errors_only),
        *check_gold_pairs(documents, "relations", keys.relations, related, is_asked=is_asked[0]),
        *check_gold_pairs(documents, "events", keys.events, types, is_asked=is_asked[1]),
    ]
