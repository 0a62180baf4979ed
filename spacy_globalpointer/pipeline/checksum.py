"""Checksums of saved models: Thinc's format has none, and a damaged model may load in silence."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import srsly

# Beside the file "model" of a component, and beside the field "model" of its bytes.
CHECKSUM = "checksum"


def checksum(model: bytes) -> str:
    """Hash of a serialized model."""
    return blake2b(model, digest_size=16).hexdigest()


def save_checksum(folder: Path, exclude: Iterable[str]) -> None:
    """Write the checksum of the model of a component that was just saved.

    folder: of the component.
    exclude: names of what was not saved.
    """
    if "model" not in exclude:
        (folder / CHECKSUM).write_text(checksum((folder / "model").read_bytes()))


def check_saved(folder: Path, exclude: Iterable[str]) -> None:
    """Refuse the model of a component that is not as it was saved.

    folder: of the component.
    exclude: names of what will not be loaded.
    RAISES (ValueError): another checksum, or none. (OSError): no model.
    """
    if "model" in exclude:
        return
    model, file = folder / "model", folder / CHECKSUM
    if not model.is_file():
        raise FileNotFoundError(
            f"{model} must be a file with the weights of the component, was: missing. To fix: copy "
            "the folder of the pipeline as a whole, or train again"
        )
    own = checksum(model.read_bytes())
    if not file.is_file():
        raise ValueError(
            f"{model} must have its checksum beside it, in the file {CHECKSUM}, was: without. To "
            "fix: copy the folder of the pipeline as a whole, or save it again"
        )
    _compare(str(model), own, file.read_bytes().decode("ascii", "replace"))


def add_checksum(data: bytes) -> bytes:
    """The bytes of a component, with the checksum of its model if they have one."""
    fields = srsly.msgpack_loads(data)
    if "model" in fields:
        fields[CHECKSUM] = checksum(fields["model"])
    return bytes(srsly.msgpack_dumps(fields))


def read_model(name: str, data: bytes) -> bytes:
    """The model in the bytes of a component, if it is as it was saved.

    name: of the component.
    RETURNS: empty if there is none.
    RAISES (ValueError): bytes of something else, another checksum, or none.
    """
    try:
        fields = srsly.msgpack_loads(data)
    except Exception as error:  # msgpack has many of its own
        fields = error
    if not isinstance(fields, dict):
        raise ValueError(
            f"the bytes of '{name}' must be what to_bytes returned, was: {repr(fields)[:60]}. "
            "To fix: pass them on unchanged"
        )
    model = bytes(fields.get("model", b""))
    if "model" in fields or CHECKSUM in fields:
        _compare(f"the model in the bytes of '{name}'", checksum(model), fields.get(CHECKSUM))
    return model


def _compare(what: str, own: str, saved: str | None) -> None:
    if own != saved:
        raise ValueError(
            f"{what} must be as it was saved, was: damaged, cut short or of another component (its "
            f"checksum is {own}, and {str(saved)[:40]!r} was saved with it). To fix: copy the "
            "pipeline anew from where it was saved, or train again"
        )
