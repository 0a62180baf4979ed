"""What several commands read: pipelines and annotated .spacy files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import spacy
from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.training import Corpus, Example
from tqdm import tqdm
from typer import Argument, Option
from wasabi.printer import Printer

from ..corpora.docbin import read_docbin
from ..corpora.record import HALF
from ..messages import BY_DEFAULT, list_some

# This module needs torch, so it is imported when a command runs.
if TYPE_CHECKING:
    from ..pipeline.event_pointer import EventPointer
    from ..pipeline.global_pointer import GlobalPointer
    from ..pipeline.relation_pointer import RelationPointer

# Factories of the components that commands work on.
KINDS = ("global_pointer", "relation_pointer", "event_pointer")
# What several commands ask for.
Model = Annotated[str, Argument(help="Pipeline: a folder or the name of a package")]
Component = Annotated[str | None, Option(help="Name of the component, if the pipeline has several")]
AnyComponent = Annotated[
    str | None,
    Option(
        "--component",
        help="Name of the component, if it is to be the only one or if the pipeline has several "
        "of a kind; default: its global_pointer, relation_pointer and event_pointer",
    ),
]
Code = Annotated[
    Path | None, Option("--code", "-c", help="Python file with functions that the model needs")
]
Gpu = Annotated[int, Option("--gpu-id", "-g", help="GPU, or -1 for the CPU")]


def use_gpu(gpu_id: int, *, silent: bool = True) -> None:
    """Use the GPU of a number from now on, below 0 the CPU.

    RAISES (ValueError): a GPU that cannot be used.
    """
    try:
        # Its own message is printed before it checks whether there is a GPU.
        setup_gpu(gpu_id, silent=True)
    except Exception as error:  # CuPy, PyTorch and drivers raise many kinds
        raise ValueError(
            "--gpu-id must be the number of a GPU that can be used, or -1 for the CPU, was: "
            f"{gpu_id}: {str(error) or type(error).__name__}. To fix: leave it out; or for a GPU "
            'install a PyTorch that is built for its CUDA, and CuPy: pip install "spacy[cuda12x]"'
        ) from error
    if gpu_id >= 0 and not silent:
        Printer().info(f"Using GPU: {gpu_id}")


def find_files(paths: Sequence[Path], what: str) -> list[Path]:
    """Find .spacy files in folders of them, each once.

    what: the name of the argument, for the message.
    RAISES (ValueError): no such file.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise ValueError(f"{what} must be there, was: {path}, which is missing")
        found = sorted(path.rglob("*.spacy")) if path.is_dir() else [path]
        if not found or not all(file.is_file() and file.suffix == ".spacy" for file in found):
            raise ValueError(
                f"{what} must be a .spacy file or a folder with some, was: {path}. To fix: make "
                "one of another format with spacy global-pointer convert"
            )
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def read_examples(
    nlp: Language, files: Sequence[Path], what: str, silent: bool
) -> Iterable[Example]:
    """Read .spacy files; examples are made as they are needed.

    what: the name of the argument, for the message.
    RAISES (ValueError): a file that cannot be read, or no documents.
    """
    documents = [doc for path in files for doc in read_docbin(path, nlp.vocab)]
    if not any(len(doc) for doc in documents):
        raise ValueError(f"{what} must hold documents, but has none: {list_some(files)}")
    examples = Corpus(files[0]).make_examples(nlp, documents)
    # None: tqdm shows its bar on a terminal only.
    return tqdm(examples, total=len(documents), unit=" docs", disable=silent or None)


def check_keys(option: str, spans: str, relations: str | None, events: str | None) -> None:
    """Refuse one group for several things, and names that no group can have.

    option: that names the group of the spans.
    relations, events: groups of these; None for none.
    RAISES (ValueError): naming the repair.
    """
    for name, key in ((option, spans), ("--relations-key", relations), ("--events-key", events)):
        if key is not None and (not key or HALF.search(key)):
            raise ValueError(
                f"{name} must be the name of a group of doc.spans, in valid Unicode, was: {key!r}. "
                f"{BY_DEFAULT}"
            )
    known: dict[str, str] = {spans: option}
    for what, key in (("relations", relations), ("events", events)):
        name = f"--{what}-key"
        if key is not None and known.setdefault(key, name) != name:
            raise ValueError(
                f"{known[key]} and {name} must differ, because the group of the {what} holds their "
                f"spans only, was: {key!r} for both. To fix: name another group"
            )


def make_blank(lang: str) -> Language:
    """An empty pipeline, for its tokenizer.

    RAISES (ValueError): a language that spaCy does not have. (ImportError): one that needs a
        package that is not installed.
    """
    try:
        return spacy.blank(lang)
    except ImportError as error:
        if "E048" not in str(error):
            raise
        raise ValueError(
            f"--lang must be the code of a language of spaCy, was: {lang!r}. To fix: a code such "
            "as en or zh; xx for one that spaCy does not have"
        ) from error


def load_pipeline(model: str) -> Language:
    """Load a pipeline.

    RAISES (ValueError): no pipeline, or one that needs a package that is not installed.
    """
    try:
        return spacy.load(model)
    except Exception as error:  # damaged files raise many kinds
        is_told = isinstance(error, (OSError, ValueError, ImportError))
        what = error if is_told else f"{type(error).__name__}: {error}"
        raise ValueError(f"MODEL must be a pipeline that can be loaded: {what}") from error


def find_component(nlp: Language, name: str | None) -> tuple[str, "GlobalPointer"]:
    """Find the component global_pointer to work on.

    name: None where the pipeline has only one.
    RETURNS: its name in the pipeline, and the component.
    RAISES (ValueError): no such component, or several.
    """
    ((name, pipe),) = find_components(nlp, name, ("global_pointer",)).items()
    return name, cast("GlobalPointer", pipe)


def find_components(
    nlp: Language, name: str | None, kinds: Sequence[str] = KINDS
) -> dict[str, "GlobalPointer | RelationPointer | EventPointer"]:
    """Find the components to work on: at most one of each kind.

    name: of the only one; None for all, where the pipeline has only one of each kind.
    kinds: names of factories.
    RETURNS: components by their names in the pipeline, in its order.
    RAISES (ValueError): no such component, or several of a kind.
    """
    from ..pipeline.event_pointer import EventPointer
    from ..pipeline.global_pointer import GlobalPointer
    from ..pipeline.relation_pointer import RelationPointer

    types = dict(zip(KINDS, (GlobalPointer, RelationPointer, EventPointer), strict=True))
    known = {
        key: kind for key, pipe in nlp.pipeline for kind in kinds if isinstance(pipe, types[kind])
    }
    *others, last = kinds
    wanted = f"{', '.join(others)} or {last}" if others else last
    if not known:
        raise ValueError(
            f"the pipeline must have an enabled {wanted} component, but has: "
            f"{', '.join(nlp.pipe_names) or 'none'}. To fix: name another pipeline"
        )
    if name is not None and name not in known:
        raise ValueError(
            f"--component must be an enabled {wanted} component, was: {name!r}. "
            f"The pipeline has: {', '.join(known)}"
        )
    for kind in kinds if name is None else ():
        same = [key for key, other in known.items() if other == kind]
        if len(same) > 1:
            raise ValueError(
                f"the pipeline has several {kind} components: {', '.join(same)}. "
                "To fix: --component with the name of one"
            )
    pipes: dict[str, Any] = {key: nlp.get_pipe(key) for key in known if name in (None, key)}
    return pipes
