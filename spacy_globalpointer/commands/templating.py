"""The templates of pages and pictures, each beside the module that fills it in."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from .colours import DARK, LIGHT, label_colour
from .labels import show_label
from .span_drawing import one_line


def fill_template(name: str, **values: Any) -> str:
    """Fill in a template; texts are escaped.

    name: of its file.
    values: that it shows; one that it lacks is an error.
    """
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(light=LIGHT, dark=DARK)
    environment.filters.update(brief=show_label, colour=label_colour, one_line=one_line)
    return environment.get_template(name).render(values)
