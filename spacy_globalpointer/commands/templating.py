"""The HTML templates of pages, each beside the module that fills it in."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def fill_template(name: str, filters: dict[str, Callable[..., str]], **values: Any) -> str:
    """Fill in a template; texts are escaped.

    name: of its file.
    filters: that it uses besides those of Jinja.
    values: that it shows; one that it lacks is an error.
    """
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(filters)
    return environment.get_template(name).render(values)
