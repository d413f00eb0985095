"""A question, a reveal and a board as members see them in Discord on a phone, as pictures in docs/pictures/.

    python -m tests.adapters.discord.pictures

plays two days with the assembled program against the loopback Discord of `tests/wire`, and draws the messages that came
over the wire with the web components of https://github.com/skyra-project/discord-components. It needs npm and Chromium;
what npm fetches goes into a temporary folder.
"""

from __future__ import annotations

import asyncio
import base64
import html
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.adapters.discord.study import Study, text_of
from tests.wire.discord_server import DiscordServer, Intent, Member, Message, Perm

FOLDER: Final = Path(__file__).parents[3] / "docs" / "pictures"
PACKAGES: Final = ("@skyra/discord-components-core@4.0.2", "esbuild@0.28.2", "sharp@0.35.5")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")

WIDTH: Final = 430
"""Of the phone, in CSS pixels. A picture has `SCALE` times as many."""
SCALE: Final = 2
MOST: Final = 200_000
"""Bytes of a picture."""
PATIENCE: Final = 120
"""Seconds for one program."""

STYLE: Final = """\
html, body { margin: 0; background: #2b2d31; }
discord-messages { display: flow-root; border: 0; }
discord-message { padding-right: 16px; }
discord-embed-footer { grid-column: 1; }
code { padding: 0 0.2em; border-radius: 3px; background: #1e1f22; font: 0.75rem monospace; white-space: pre-wrap; }
discord-thread { max-width: 342px; box-sizing: border-box; } /* what avatar and margins leave of the width */
.blank { height: 1.125rem; }
small { display: block; padding: 10px 16px 12px; background: #2b2d31; color: #a3a6ad; font: 11px/1.4 sans-serif; }
"""
CAPTION: Final = "Drawn from the payload that nnquestion sends; not a screenshot of Discord."
MEASURE: Final = """\
addEventListener("load", () => setTimeout(() => {
  const page = document.querySelector("main");
  page.dataset.size = page.scrollWidth + "x" + Math.ceil(page.getBoundingClientRect().height);
}, 500));
"""
PACK: Final = """\
import sharp from "sharp";
await sharp("page.png").png({ palette: true, colours: 256, dither: 0, effort: 10 }).toFile("packed.png");
"""
"""Chromium writes PNGs three times as large as they need be."""


# --- what is seen -------------------------------------------------------------------------------------------


async def play() -> dict[str, str]:
    """The pages to be drawn, by the names of their pictures, as they stood when somebody looked at them."""
    with tempfile.TemporaryDirectory() as folder:
        async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
            guild = server.guild("Study")
            ada, bob, carl = (
                guild.member("ada", permissions=Perm.MANAGE_GUILD),
                guild.member("bob"),
                guild.member("carl"),
            )
            study = Study(server, Path(folder) / "days.db", guild, guild.channel("daily-question"), ada, bob)
            async with study.running():
                await study.set_up(closes="17:00")
                await _round(
                    study,
                    day=0,
                    question="dropout",
                    answers={
                        ada: "randomly zeroes units while training so they can't co-adapt; off at inference, good for "
                        "large models that overfit",
                        bob: "you switch off random units during training. use it for a big net that overfits",
                    },
                )
                card, answer = await _round(
                    study,
                    day=1,
                    question="early-stopping",
                    answers={
                        ada: "stop when validation loss has not improved for several epochs in a row, and restore the "
                        "weights from the best epoch. it prevents the model from overfitting the training data. you "
                        "save time and compute. you still need a separate test set for the final number",
                        bob: "you stop once validation loss stops getting better, it prevents overfitting",
                        carl: "watch the validation loss with some patience and keep the best model; less overfitting",
                    },
                )
                await study.at("17:05", day=1)
                said = "nnquestion leaderboard"
                asked = await ada.command(said, study.channel)
                assert asked.answer is not None
                board = page(study.channel.name, "text", drawn(asked.answer, (ada, said)))
    return {"discord-question": card, "discord-reveal": answer, "discord-board": board}


async def _round(study: Study, *, day: int, question: str, answers: Mapping[Member, str]) -> tuple[str, str]:
    """Play the round of a day. Its card as it opened, and its reveal, as pages."""
    channel = study.channel
    await study.ada.command("nnquestion-admin next", channel, question=question)
    await study.at("10:00", day)
    await study.until(lambda: len(channel.messages) == day + 1 and channel.messages[-1].thread is not None)
    card = channel.messages[-1]
    thread = card.thread
    assert thread is not None
    opened = page(channel.name, "text", drawn(card))
    await study.at("10:12", day)
    said = [await who.say(thread, words) for who, words in answers.items()]
    await study.until(lambda: all(one.reactions for one in said))
    await study.at("17:00", day)
    await study.until(lambda: bool(card.edited) and "Reference answer" in text_of(thread.messages[-1]))
    return opened, page(thread.name, "thread", drawn(thread.messages[-1]))


# --- a message in HTML --------------------------------------------------------------------------------------

_BUTTONS: Final = {1: "primary", 2: "secondary", 3: "success", 4: "destructive"}
_DRAWN: Final = frozenset({"type", "title", "description", "color", "footer"})
_COLOURS: Final = ("#5865f2", "#2a8f57", "#c2571a", "#a8479c")


def page(place: str, kind: str, message: str) -> str:
    """The page of a channel (`text`) or a `thread` that shows this message."""
    name = html.escape(textwrap.shorten(place, 42, placeholder="…"))
    return (
        f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><script src="components.js"></script>'
        f'<main style="width: {WIDTH}px"><discord-messages channel-type="{kind}" channel-name="{name}">{message}'
        f"</discord-messages><small>{CAPTION}</small></main><script>{MEASURE}</script>"
    )


def drawn(shown: Message, command: tuple[Member, str] | None = None) -> str:
    """A message of the bot's: its embeds, its buttons, its thread; `command` is what it answers, and whose."""
    author = shown.author.display
    says = [
        f'<discord-message bot author="{html.escape(author)}" avatar="{avatar(author)}"'
        f' timestamp="Today at {shown.timestamp:%H:%M}"'
        f"{' ephemeral' * shown.ephemeral}{' edited' * bool(shown.edited)}>"
    ]
    if command is not None:
        who, words = command
        says.append(
            f'<discord-command slot="reply" author="{html.escape(who.name)}" avatar="{avatar(who.name)}"'
            f' command="{html.escape(words)}"></discord-command>'
        )
    for embed in shown.embeds:
        assert embed.keys() <= _DRAWN, f"a picture would leave out {embed.keys() - _DRAWN}"
        says.append(
            f'<discord-embed slot="embeds" color="#{embed["color"]:06x}"'
            f' embed-title="{html.escape(_bare(embed.get("title", "")))}">'
            f'<discord-embed-description slot="description">{"".join(markdown(embed.get("description", "")))}'
            f"</discord-embed-description>{_footer(embed)}</discord-embed>"
        )
    if shown.components:
        says.append(
            f'<discord-attachments slot="components">{"".join(map(_row, shown.components))}</discord-attachments>'
        )
    if shown.thread is not None:
        says.append(
            f'<discord-thread slot="thread" name="{html.escape(shown.thread.name)}" cta="See Thread">'
            "There are no recent messages in this thread.</discord-thread>"
        )
    return "".join((*says, "</discord-message>"))


def _footer(embed: Mapping[str, Any]) -> str:
    if "footer" not in embed:
        return ""
    return f'<discord-embed-footer slot="footer">{html.escape(embed["footer"]["text"])}</discord-embed-footer>'


def _row(row: Mapping[str, Any]) -> str:
    buttons = (
        f'<discord-button type="{_BUTTONS[one["style"]]}"{" disabled" * one.get("disabled", False)}>'
        f"{html.escape(one['label'])}</discord-button>"
        for one in row["components"]
    )
    return f"<discord-action-row>{''.join(buttons)}</discord-action-row>"


def avatar(name: str) -> str:
    """A plain picture of somebody: a colour and the first letter, as a data URI."""
    colour = _COLOURS[sum(name.encode()) % len(_COLOURS)]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="{colour}"/>'
        '<text x="20" y="27" font-family="sans-serif" font-size="20" fill="#fff" text-anchor="middle">'
        f"{html.escape(name[0])}</text></svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


# --- Discord's Markdown in HTML -----------------------------------------------------------------------------

_FENCED: Final = re.compile(r"```(?:[\w+.#-]*\n)?(?P<code>.*?)\n?```\n?", re.DOTALL)
_INLINE: Final = re.compile(
    r"\\(?P<sign>[^0-9A-Za-z\s])"
    r"|(?P<ticks>`{1,2})(?P<code>.+?)(?P=ticks)(?!`)"
    r"|\*\*(?P<bold>(?:\\.|`[^`]*`|[^\\])+?)\*\*"
    r"|\*(?P<italic>(?:\\.|`[^`]*`|[^\\*])+?)\*"
    r"|<t:(?P<moment>\d+)(?::(?P<style>\w))?>"
    r"|\[(?P<masked>(?:\\.|[^\]\\])+)\]\((?P<page>https?://[^)]+)\)"
    r"|<?(?P<link>https?://[^\s<>]+)>?"
)
_STYLES: Final = {"t": "{:%H:%M}", "D": "{0.day} {0:%B %Y}", "f": "{0.day} {0:%B %Y} at {0:%H:%M}"}


def markdown(text: str) -> Iterator[str]:
    """What the bot writes of Discord's Markdown, in HTML: lines, lists of one level, fences, and what is in a line."""
    end = 0
    for fence in _FENCED.finditer(text):
        yield from _lines(text[end : fence.start()].removesuffix("\n"))
        yield f"<discord-code multiline embed>{html.escape(fence['code'])}</discord-code>"
        end = fence.end()
    yield from _lines(text[end:])


def _lines(text: str) -> Iterator[str]:
    items: list[str] = []
    for line in text.split("\n") if text else ():
        if line.startswith("- "):
            items.append(f"<discord-list-item>{_inline(line[2:])}</discord-list-item>")
            continue
        yield from _list(items)
        items = []
        yield f"<div>{_inline(line)}</div>" if line.strip() else '<div class="blank"></div>'
    yield from _list(items)


def _list(items: Iterable[str]) -> Iterator[str]:
    held = "".join(items)
    if held:
        yield f"<discord-unordered-list>{held}</discord-unordered-list>"


def _inline(text: str) -> str:
    pieces, end = [], 0
    for found in _INLINE.finditer(text):
        pieces += [html.escape(text[end : found.start()]), _spanned(found)]
        end = found.end()
    return "".join((*pieces, html.escape(text[end:])))


def _spanned(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "sign":
            return html.escape(found["sign"])
        case "code":
            return f"<code>{html.escape(found['code'])}</code>"
        case "bold":
            return f"<discord-bold>{_inline(found['bold'])}</discord-bold>"
        case "italic":
            return f"<discord-italic>{_inline(found['italic'])}</discord-italic>"
        case "page":
            return f"<discord-link>{_inline(found['masked'])}</discord-link>"
        case "link":
            return f"<discord-link>{html.escape(found['link'])}</discord-link>"
        case _:
            at = datetime.fromtimestamp(int(found["moment"]), UTC)
            return f"<discord-time>{_STYLES[found['style'] or 'f'].format(at)}</discord-time>"


def _bare(text: str) -> str:
    """A title without its escapes. The component takes no HTML there, and the bot's titles hold nothing else."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


# --- drawing ------------------------------------------------------------------------------------------------


class CannotDraw(Exception):
    """Why there are no pictures, and what to do about it."""


def draw(pages: Mapping[str, str], into: Path) -> list[Path]:
    """Draw pages as PNG files of these names. Raises CannotDraw."""
    npm, node = (_program(name, hint="it comes with Node.js, https://nodejs.org") for name in ("npm", "node"))
    browser = _program(*BROWSERS, hint="Debian and Ubuntu have it as `apt install chromium`")
    into.mkdir(parents=True, exist_ok=True)
    files = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        (folder / "components.in.js").write_text('import "@skyra/discord-components-core";\n', encoding="utf-8")
        (folder / "pack.mjs").write_text(PACK, encoding="utf-8")
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES], folder)
        bundle = ["--bundle", "--minify", "--format=iife", "--outfile=components.js"]
        _run([str(folder / "node_modules" / ".bin" / "esbuild"), "components.in.js", *bundle], folder)
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
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        raise CannotDraw(f"{command[0]} was not done after {PATIENCE} seconds") from None
    except subprocess.CalledProcessError as error:
        raise CannotDraw(f"{command[0]} failed:\n{error.stderr.strip()}") from None
    return done.stdout


if __name__ == "__main__":
    try:
        for file in draw(asyncio.run(play()), FOLDER):
            sys.stdout.write(f"{file.name}  {file.stat().st_size:,} bytes\n")
    except CannotDraw as error:
        sys.exit(str(error))
