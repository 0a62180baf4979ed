"""`spacy global-pointer render`: spans as a page, and the scores of one text as a heat map."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import spacy
from spacy.cli._util import import_code
from spacy.language import Language
from spacy.tokens import Doc, SpanGroup
from tqdm import tqdm
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora import FORMATS
from ...corpora.messages import fit_screen
from ...corpora.record import Record
from ..inputs import Code, Component, Gpu, load_component, use_gpu
from ..outputs import check_output, write_text
from .data import Data, find_files, read_documents, split_inputs, take_gold, tokenize
from .heat_map import check_length, draw_heat_map, score_spans
from .page import render_page
from .parts import Shown, describe_undrawn, place_spans, prepare

# Imports torch.
if TYPE_CHECKING:
    from ...pipeline.global_pointer import GlobalPointer

Inputs = Annotated[
    list[str],
    Argument(
        metavar="MODEL|DATA...",
        help="A pipeline and data to predict, or a pipeline and --text, or annotated data alone. "
        "Data: .spacy, .txt (a text a line; not alone), or what `convert` reads; or a folder",
    ),
]
Output = Annotated[Path | None, Option("--output", "-o", help="Page to write (.html)")]
HeatMap = Annotated[
    Path | None,
    Option(help="Picture to write (.svg): the scores of all spans of one text of up to 60 tokens"),
]
Text = Annotated[str | None, Option("--text", "-t", help="Text to predict, in place of data")]
Number = Annotated[int, Option("--document", min=1, help="Which text --heatmap shows, from 1")]
SpansKey = Annotated[
    str | None,
    Option("--spans-key", "-k", help="Group of the gold spans; if not set, the component's, or sc"),
]
Lang = Annotated[
    str, Option("--lang", "-l", help="Language code of annotated data that has no pipeline with it")
]
Format = Annotated[
    str, Option("--format", "-f", help=f"Format of data: auto, txt, {', '.join(FORMATS)}")
]
Limit = Annotated[int, Option("--limit", "-n", min=0, help="Documents to look at; 0: all")]
PageSize = Annotated[
    int, Option(min=1, help="Documents on one page of the file, or parts of long documents")
]
ErrorsOnly = Annotated[
    bool, Option("--errors-only", "-E", help="Draw only documents with a wrong or a missed span")
]


# Gold spans of a document, if it has any, and the labels of those that have no tokens.
Given = tuple[SpanGroup | None, Counter[str]]


class Report(NamedTuple):
    """What was rendered.

    written: the files.
    notes: what a user should know about the data.
    """

    written: list[Path]
    notes: list[str]


def render_cli(
    inputs: Inputs,
    output: Output = None,
    heatmap: HeatMap = None,
    text: Text = None,
    document: Number = 1,
    component: Component = None,
    spans_key: SpansKey = None,
    lang: Lang = "en",
    format: Format = "auto",
    limit: Limit = 100,
    page_size: PageSize = 20,
    errors_only: ErrorsOnly = False,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Show nested spans as lines under their text, and the scores of all spans as a heat map.

    The page is one HTML file. Predicted spans stand beside the gold ones if the
    data has them; the mouse over a span shows its score. The heat map is a table
    of first by last tokens for each label.

    $ spacy global-pointer render training/model-best dev.spacy --output page.html

    $ spacy global-pointer render train.jsonl --lang zh --output page.html

    $ spacy global-pointer render training/model-best --text "Ulm is old." --heatmap ulm.svg
    """
    msg = Printer()
    options: Any = {"text": text, "document": document, "component": component, "lang": lang}
    options |= {"spans_key": spans_key, "format": format, "limit": limit, "page_size": page_size}
    options |= {"errors_only": errors_only}
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        report = render(inputs, output=output, heatmap=heatmap, **options, silent=False)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Rendering stopped", fit_screen(str(error)), exits=1)
    for note in report.notes:
        msg.warn(fit_screen(note))
    for path in report.written:
        msg.good(f"Wrote {path}")


def render(
    inputs: list[str],
    *,
    output: Path | None = None,
    heatmap: Path | None = None,
    text: str | None = None,
    document: int = 1,
    component: str | None = None,
    spans_key: str | None = None,
    lang: str = "en",
    format: str = "auto",
    limit: int = 100,
    page_size: int = 20,
    errors_only: bool = False,
    silent: bool = True,
) -> Report:
    """Write a page and a heat map, each whole or not at all.

    inputs: a pipeline and data, a pipeline where there is a text, or annotated data.
    output, heatmap: files to write; None for none.
    text: to predict, in place of data.
    document: number of the text that the heat map shows, from 1.
    component: name of the component; None where there is only one.
    spans_key: of the gold spans; None for that of the component, or "sc".
    lang: spaCy's code of the language of data without a pipeline.
    format: of the data: a name in corpora.FORMATS, "txt" or "auto".
    limit (documents): to look at; 0 means all.
    page_size (documents and parts of long ones): on one page of the file.
    errors_only: draw only documents with a wrong or a missed span.
    silent: show no progress.
    RAISES (ValueError): inputs or options that cannot be used. (OSError): what cannot be read or
        written.
    """
    model, data = split_inputs(inputs, text)
    check_outputs(model, data, output, heatmap, errors_only)
    nlp, pipe = _load(model, component, lang)
    key = spans_key or (pipe.key if pipe else "sc")
    if data is None:
        read = Data([nlp.make_doc(Record(text or "", source="--text").text)], [Counter()], [])
    else:
        read = read_documents(nlp, Path(data), spans_key=key, format=format, limit=limit)
    gold, notes = take_gold(read.docs, key, pipe and pipe.labels, required=errors_only)
    given = list(zip(gold, read.left_out, strict=True))
    contents: dict[Path, str] = {}
    if pipe is None:
        shown = _show_gold(given)
    else:
        wanted = document if heatmap else None
        shown, picture = _show_predicted(nlp, pipe, read.docs, given, wanted, silent)
        contents |= {heatmap: picture} if heatmap else {}
    notes = [*read.notes, *notes, *describe_undrawn(shown)]
    if output is not None:
        title, look = " on ".join(inputs), {"errors_only": errors_only, "silent": silent}
        contents[output] = render_page(shown, title, page_size, notes=notes, **look)
    for path, content in contents.items():
        write_text(content, path)
    return Report(list(contents), notes)


def check_outputs(
    model: str | None,
    data: str | None,
    output: Path | None,
    heatmap: Path | None,
    errors_only: bool,
) -> None:
    """Refuse outputs that cannot be made or written, before anything takes time.

    model, data: as given; None for none.
    RAISES (ValueError): naming the rule, the value and the repair. (OSError): no folder for them.
    """
    if output is None and heatmap is None:
        raise ValueError("there must be something to write: --output page.html or --heatmap x.svg")
    if heatmap is not None and model is None:
        raise ValueError("--heatmap needs a pipeline, whose scores it shows: MODEL DATA")
    if errors_only and (model is None or data is None or output is None):
        raise ValueError(
            "--errors-only needs a pipeline, annotated data to compare with, and a page: "
            "MODEL DATA --output page.html"
        )
    if output == heatmap:
        raise ValueError(f"--output and --heatmap must be two files, were: {output}")
    for option, path in (("--output", output), ("--heatmap", heatmap)):
        if path is None:
            continue
        check_output(path, option)
        files = find_files(Path(data)) if data is not None else []
        if path.resolve() in {file.resolve() for file in files}:
            raise ValueError(f"{option} must not be the data, was: {path}")


def check_choice(docs: list[Doc], document: int) -> None:
    """Refuse a document that a heat map cannot show.

    docs: tokenized.
    document: its number, from 1.
    RAISES (ValueError): no such document, too long.
    """
    if document > len(docs):
        raise ValueError(
            f"--document must be one of the {len(docs)} documents that are looked at, was: "
            f"{document}. --limit 0 takes all"
        )
    check_length(docs[document - 1], f"document {document}")


def _load(
    model: str | None, component: str | None, lang: str
) -> tuple[Language, "GlobalPointer | None"]:
    if model is None:
        return spacy.blank(lang), None
    nlp, _, pipe = load_component(model, component)
    return nlp, pipe


def _show_gold(given: Sequence[Given]) -> list[Shown]:
    return [
        prepare(number, group.doc, None, group, left_out)
        for number, (group, left_out) in enumerate(given, start=1)
        if group is not None
    ]


def _show_predicted(
    nlp: Language,
    pipe: "GlobalPointer",
    docs: list[Doc],
    given: Sequence[Given],
    wanted: int | None,
    silent: bool,
) -> tuple[list[Shown], str]:
    """Predict, and draw the heat map of the document with the wanted number."""
    shown: list[Shown] = []
    picture = ""
    docs = [tokenize(nlp, doc) for doc in docs]
    if wanted is not None:
        check_choice(docs, wanted)
    later = nlp.pipe_names[nlp.pipe_names.index(pipe.name) + 1 :]
    with nlp.select_pipes(disable=later):
        predicted = nlp.pipe(docs)
        # None: tqdm shows its bar on a terminal only.
        bar = tqdm(predicted, "Predicting", total=len(docs), unit=" docs", disable=silent or None)
        rows = zip(bar, given, strict=True)
        for number, (doc, (group, left_out)) in enumerate(rows, start=1):
            spans = doc.spans[pipe.key]
            shown.append(prepare(number, doc, spans, group, left_out))
            if number == wanted:
                picture = draw_heat_map(place_spans(doc, spans, group), score_spans(pipe, doc))
    return shown, picture
