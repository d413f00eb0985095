"""A question, a reveal and a board as members see them in Discord on a phone, as pictures in docs/pictures/.

    python -m tests.adapters.discord.pictures

plays two days with the assembled program against the loopback Discord of `tests/wire`, and draws the messages that came
over the wire with the web components of https://github.com/skyra-project/discord-components. It needs npm and Chromium;
what npm fetches goes into a temporary folder.
"""

from __future__ import annotations

import asyncio
import html
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.adapters.discord.study import Study, text_of
from tests.adapters.drawing import MEASURE, WIDTH, CannotDraw, avatar, draw
from tests.wire.discord_server import DiscordServer, Intent, Member, Message, Perm

FOLDER: Final = Path(__file__).parents[3] / "docs" / "pictures"
PACKAGES: Final = ("@skyra/discord-components-core@4.0.2",)
PROGRAM: Final = 'import "@skyra/discord-components-core";\n'

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
    await study.until(lambda: sum(one.thread is not None for one in channel.messages) == day + 1)  # Recaps have none.
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


if __name__ == "__main__":
    try:
        for file in draw(asyncio.run(play()), FOLDER, packages=PACKAGES, program=PROGRAM):
            sys.stdout.write(f"{file.name}  {file.stat().st_size:,} bytes\n")
    except CannotDraw as error:
        sys.exit(str(error))
