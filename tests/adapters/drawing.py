"""Pages drawn as PNG files with npm and Chromium, for the pictures in the docs.

A page is HTML with one `main`, `WIDTH` wide, that ends with `MEASURE`. Beside it are `components.js` and, if the
program has styles, `components.css`, which esbuild makes of a program and what npm fetches for it into a temporary
folder. Whatever a page shows is in the page: the browser finds no network.
"""

from __future__ import annotations

import base64
import html
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

TOOLS: Final = ("esbuild@0.28.2", "sharp@0.35.5")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")

WIDTH: Final = 430
"""Of the phone, in CSS pixels. A picture has `SCALE` times as many."""
SCALE: Final = 2
MOST: Final = 200_000
"""Bytes of a picture."""
PATIENCE: Final = 120
"""Seconds for one program."""

MEASURE: Final = """\
addEventListener("load", () => setTimeout(() => {
  const page = document.querySelector("main");
  page.dataset.size = page.scrollWidth + "x" + Math.ceil(page.getBoundingClientRect().height);
}, 500));
"""
"""A script that writes down how large the page is."""

PACK: Final = """\
import sharp from "sharp";
await sharp("page.png").png({ palette: true, colours: %d, dither: 0, effort: 10 }).toFile("packed.png");
"""
"""Chromium writes PNGs three times as large as they need be."""


_COLOURS: Final = ("#5865f2", "#2a8f57", "#c2571a", "#a8479c")


class CannotDraw(Exception):
    """Why there are no pictures, and what to do about it."""


def avatar(name: str) -> str:
    """A plain picture of somebody: a colour and the first letter, as a data URI."""
    colour = _COLOURS[sum(name.encode()) % len(_COLOURS)]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="{colour}"/>'
        '<text x="20" y="27" font-family="sans-serif" font-size="20" fill="#fff" text-anchor="middle">'
        f"{html.escape(name[0])}</text></svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


def draw(
    pages: Mapping[str, str], into: Path, *, packages: Sequence[str], program: str, colours: int = 256
) -> list[Path]:
    """Draw pages as PNG files of these names, with so many colours (16 or 256). Raises CannotDraw.

    `program` may be JSX, and import `packages`.
    """
    npm, node = (_program(name, hint="it comes with Node.js, https://nodejs.org") for name in ("npm", "node"))
    browser = _program(*BROWSERS, hint="Debian and Ubuntu have it as `apt install chromium`")
    into.mkdir(parents=True, exist_ok=True)
    files = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        (folder / "components.in.jsx").write_text(program, encoding="utf-8")
        (folder / "pack.mjs").write_text(PACK % colours, encoding="utf-8")
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages, *TOOLS], folder)
        bundle = ["--bundle", "--minify", "--format=iife", "--jsx=automatic", "--outfile=components.js"]
        _run([str(folder / "node_modules" / ".bin" / "esbuild"), "components.in.jsx", *bundle], folder)
        for title, text in pages.items():
            (folder / "page.html").write_text(text, encoding="utf-8")
            _picture(browser, folder)
            _run([node, "pack.mjs"], folder)
            picture = (folder / "packed.png").read_bytes()
            if len(picture) > MOST:
                raise CannotDraw(f"{title}.png would have {len(picture):,} bytes, more than {MOST:,}: lower SCALE")
            files.append(into / f"{title}.png")
            files[-1].write_bytes(picture)
    return files


def _picture(browser: str, folder: Path) -> None:
    """Draw the page in the folder to a PNG that ends where the page ends."""
    measured = re.search(r'data-size="(\d+)x(\d+)"', _browse(browser, folder, 800, "--dump-dom"))
    if measured is None:
        raise CannotDraw(f"{browser} did not lay out the page in time")
    width, height = int(measured[1]), int(measured[2])
    if width > WIDTH:
        raise CannotDraw(f"something on the page is {width} pixels wide and would be cut off at {WIDTH}")
    _browse(browser, folder, height, f"--force-device-scale-factor={SCALE}", "--screenshot=page.png")
    got = struct.unpack(">II", (folder / "page.png").read_bytes()[16:24])  # where every PNG has its width and height
    due = (WIDTH * SCALE, height * SCALE)
    if any(abs(one - other) > 1 for one, other in zip(got, due, strict=True)):
        raise CannotDraw(f"{browser} drew {got} pixels where {due} were asked for")


def _browse(browser: str, folder: Path, height: int, *what: str) -> str:
    # root, as in a container, gets no sandbox; the page is our own, and finds no network
    root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    return _run(
        [
            browser,
            "--headless",
            *root,
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={WIDTH},{height}",
            "--virtual-time-budget=4000",
            *what,
            (folder / "page.html").as_uri(),
        ],
        folder,
    )


def _program(*names: str, hint: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise CannotDraw(f"{' or '.join(names)} is not on the PATH, and the pictures cannot be drawn without: {hint}")
    return found


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "TZ": "UTC"},
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise CannotDraw(f"{command[0]} was not done after {PATIENCE} seconds") from None
    except subprocess.CalledProcessError as error:
        raise CannotDraw(f"{command[0]} failed:\n{error.stderr.strip()}") from None
    return done.stdout
