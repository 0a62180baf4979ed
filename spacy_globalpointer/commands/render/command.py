"""`spacy global-pointer render`: spans as a page, and the scores of one text as a heat map."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import spacy
from spacy.cli._util import import_code
from spacy.language import Language
from spacy.tokens import SpanGroup
from spacy.training import Corpus
from tqdm import tqdm
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora import FORMATS, Record
from ...corpora.messages import fit_screen
from ...spans import LabelledSpan
from ..inputs import Code, Component, Gpu, load_component, use_gpu
from ..outputs import check_output, write_text
from .data import Document, check_gold, in_characters, read_documents, split_inputs
from .heat_map import MOST_TOKENS, draw_heat_map, score_spans
from .page import Page

# Imports torch.
if TYPE_CHECKING:
    from ...pipeline.global_pointer import GlobalPointer


def render(
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
        Option("--errors-only", "-E", help="Draw only documents with a wrong or a missed span"),
    ] = False,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Show nested spans as lines under their text, and the scores of all spans as a heat map.

    The page is one HTML file. Predicted spans stand beside the gold ones if the
    data has them; point at a span to see its score. The heat map is a table of
    first by last tokens for each label.

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
        if model is None:
            nlp, pipe = spacy.blank(lang), None
        else:
            nlp, _, pipe = load_component(model, component)
        key = spans_key or (pipe.key if pipe else "sc")
        notes: list[str] = []
        if text is None:
            documents, notes = read_documents(nlp, files, key, format, limit)
        else:
            documents = [(nlp.make_doc(Record(text, source="--text").text), None)]
        notes += check_gold(documents, key, pipe and pipe.labels, errors_only)
        if heatmap is not None:
            check_choice(documents, document)
        page = Page(errors_only=errors_only)
        for number, (doc, gold) in enumerate(predict(nlp, pipe, documents), start=1):
            found = None if pipe is None else read_scores(doc.spans[pipe.key])
            page.add(number, doc, found, gold)
            if heatmap is not None and number == document:
                scores, first = score_spans(pipe, doc)
                contents[heatmap] = draw_heat_map(doc, scores, found or (), gold or (), first)
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


def check_choice(documents: Sequence[Document], number: int) -> None:
    """Refuse a document that a heat map cannot show.

    number: of the document, from 1.
    RAISES (ValueError): no such document, too long.
    """
    if number > len(documents):
        raise ValueError(
            f"--document must be one of the {len(documents)} documents that are looked at, was: "
            f"{number}. --limit 0 takes all"
        )
    n_tokens = len(documents[number - 1][0])
    if n_tokens > MOST_TOKENS:
        raise ValueError(
            f"a heat map shows a text of 1 to {MOST_TOKENS} tokens, was: {n_tokens} (document "
            f"{number}). Give one sentence of it with --text, or choose another document with "
            "--document"
        )


def predict(
    nlp: Language, pipe: "GlobalPointer | None", documents: Sequence[Document]
) -> Iterable[Document]:
    """Predict spans, on the tokens that a pipeline gets in training; later components do not run.

    documents: that have tokens; without a component they stay as they are.
    """
    if pipe is None:
        return documents
    examples = Corpus(Path()).make_examples(nlp, (doc for doc, _ in documents))
    golds = (gold for _, gold in documents)
    pairs = zip((example.predicted for example in examples), golds, strict=True)
    nlp.select_pipes(disable=nlp.pipe_names[nlp.pipe_names.index(pipe.name) + 1 :])
    predicted = nlp.pipe(pairs, as_tuples=True)
    # None: tqdm shows its bar on a terminal only.
    return tqdm(predicted, "Predicting", len(documents), unit=" docs", disable=None)


def read_scores(group: SpanGroup) -> dict[LabelledSpan, float]:
    """Predicted spans (characters) with their scores."""
    return dict(zip(in_characters(group), group.attrs["scores"].tolist(), strict=True))
