"""Draw the README's pictures from the trained sample project, with Chromium and Pillow.

pip install Pillow
spacy project run all && spacy project run all . --vars.lang zh
python scripts/draw_pictures.py docs/pictures
"""

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from PIL import Image, ImageChops
from wasabi import msg

from spacy_globalpointer.commands.evaluate.command import evaluate
from spacy_globalpointer.commands.render.command import render_cli

TEXTS = {
    "en": [
        "The acting dean of the Tropical Medicine Laboratory of the University of Bellamy Cross "
        "thanked Professor Bartholomew Bukowski for the leaking roof.",
    ],
    "zh": ["在第三届晴川口县书展上，秦董事长兼三味航运总经理和晴泉县人类博物馆馆长跳了一支舞。"],
}
# Of the English test set: its heat map shows right spans and a wrong one.
DOCUMENT = 4
# Parts of the pages that are no part of the pictures.
HIDDEN = {
    "spans": "h1, h2, body > p, .labels { display: none } article { border: 0 }",
    "errors": "header, section:not(:last-of-type), h2 { display: none }",
}
# In CSS pixels; a picture has twice as many.
WIDTHS = {"spans": 900, "errors": 1040}
HEIGHT = 2000
MARGIN = 20
COLOURS = 48
MODES = {"dark": 0, "light": 1}


def draw_pictures(
    output: Annotated[Path, typer.Argument(help="Folder to fill")],
    project: Annotated[Path, typer.Option(help="Folder that the project ran in")] = Path(),
) -> None:
    """Draw nested spans in English and Chinese, the worst errors, and a heat map."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        msg.fail("Pictures are drawn with Chromium, which is not installed", exits=1)
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        for lang, texts in TEXTS.items():
            model = str(project / "training" / lang / "model-tuned")
            source = Path(folder) / "texts.txt"
            source.write_text("\n".join(texts), encoding="utf8")
            render_cli([model, str(source)], output=page)
            shoot(chromium, page, "spans", output / f"spans_{lang}")
        model = str(project / "training" / "en" / "model-tuned")
        data = project / "corpus" / "en" / "test.spacy"
        evaluate(model, [data], html=page, worst=3)
        shoot(chromium, page, "errors", output / "errors")
        render_cli([model, str(data)], heatmap=output / "heat_map.svg", document=DOCUMENT)
    msg.good(f"Drew {len(list(output.iterdir()))} pictures in {output}")


def shoot(chromium: str, page: Path, kind: str, output: Path) -> None:
    """Photograph a page on a light and on a dark background.

    kind: of page, in HIDDEN.
    output: path of the pictures, without "_light.png" and "_dark.png".
    """
    html = page.read_text(encoding="utf8")
    style = f"<style>{HIDDEN[kind]}</style></head>"
    page.write_text(html.replace("</head>", style), encoding="utf8")
    for mode, number in MODES.items():
        shot = page.with_suffix(".png")
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--window-size={WIDTHS[kind]},{HEIGHT}", "--force-device-scale-factor=2"]
        command += [f"--blink-settings=preferredColorScheme={number}", f"--screenshot={shot}"]
        subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=120)
        output.with_name(f"{output.name}_{mode}.png").write_bytes(shrink(shot))


def shrink(shot: Path) -> bytes:
    """A picture without the empty space around what is on it, in few colours."""
    with Image.open(shot) as file:
        image = file.convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox()
    place = left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN
    content = BytesIO()
    image.crop(place).quantize(COLOURS, dither=Image.Dither.NONE).save(
        content, "PNG", optimize=True
    )
    return content.getvalue()


if __name__ == "__main__":
    typer.run(draw_pictures)
