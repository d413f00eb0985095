"""A question, a reveal, a board and a Home tab as members see them in Slack on a phone, as pictures in docs/pictures/.

    python -m tests.adapters.slack.pictures

plays two days with the assembled program against the loopback Slack of `tests/wire`, and draws the blocks that came
over the wire with https://github.com/themashcodee/slack-blocks-to-jsx. It needs npm and Chromium.
"""

from __future__ import annotations

import asyncio
import html
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.adapters.drawing import MEASURE, WIDTH, CannotDraw, avatar, draw
from tests.adapters.slack.study import Study, marked
from tests.wire.slack_server import Member, Message, SlackServer, View

FOLDER: Final = Path(__file__).parents[3] / "docs" / "pictures"
PACKAGES: Final = ("slack-blocks-to-jsx@1.1.1", "react@18.3.1", "react-dom@18.3.1")
PROGRAM: Final = """\
import { createRoot } from "react-dom/client";
import { Message } from "slack-blocks-to-jsx";
import "slack-blocks-to-jsx/dist/style.css";
const { time, ...shown } = window.SHOWN;
createRoot(document.getElementById("shown")).render(<Message theme="light" time={new Date(time)} {...shown} />);
"""

STYLE: Final = """\
html, body { margin: 0; background: #fff; }
main { font-family: Lato, "Helvetica Neue", Arial, "Liberation Sans", sans-serif; color: #1d1c1d; }
.place { padding: 11px 16px; border-bottom: 1px solid #ddd; font-size: 16px; font-weight: 800; }
.place span { font-weight: 400; color: #616061; }
.tabs { display: flex; gap: 20px; padding: 0 16px; border-bottom: 1px solid #ddd; font-size: 13px; color: #616061; }
.tabs b { padding: 9px 0; border-bottom: 2px solid #1d1c1d; color: #1d1c1d; }
.tabs span { padding: 9px 0; }
.private { padding: 10px 16px 0 60px; font-size: 12px; color: #616061; }
#shown { padding: 12px 16px 6px; }
.slack_blocks_to_jsx--blocks > * + * { margin-top: 8px; } /* Slack sets blocks off from each other, the library not */
#shown img { border-radius: 8px; }
small { display: block; padding: 8px 16px 12px; color: #616061; font-size: 11px; line-height: 1.4; }
"""
CAPTION: Final = "Drawn from the payload that nnquestion sends; not a screenshot of Slack."


# --- what is seen -------------------------------------------------------------------------------------------


async def play() -> dict[str, str]:
    """The pages to be drawn, by the names of their pictures, as they stood when somebody looked at them."""
    with tempfile.TemporaryDirectory() as folder:
        async with SlackServer(commands=frozenset({"/nnquestion"})) as server:
            team = server.team("Study")
            ada = team.user("ada", admin=True, tz="Etc/UTC")
            bob, carl = team.user("bob", tz="Etc/UTC"), team.user("carl", tz="Etc/UTC")
            study = Study(server, Path(folder) / "days.db", team, team.channel("daily-question"), ada, bob)
            async with study.running():
                await ada.command("/nnquestion", "setup time=10:00 zone=UTC closes=17:00", study.channel)
                card = await _opened(study, 0, "dropout")
                await _answered(
                    study,
                    card,
                    {
                        ada: "randomly zeroes units while training so they can't co-adapt; off at inference, good for "
                        "large models that overfit",
                        bob: "you switch off random units during training. use it for a big net that overfits",
                    },
                )
                await _revealed(study, card, 0)

                card = await _opened(study, 1, "early-stopping")
                question = message_page(study, card)
                await study.at("10:05", day=1)
                await bob.open_home()
                await study.until(lambda: bob.home is not None)
                assert bob.home is not None
                home = home_page(study, bob.home)
                await _answered(
                    study,
                    card,
                    {
                        ada: "stop when validation loss has not improved for several epochs in a row, and restore the "
                        "weights from the best epoch. it prevents the model from overfitting the training data. you "
                        "save time and compute. you still need a separate test set for the final number",
                        bob: "you stop once validation loss stops getting better, it prevents overfitting",
                        carl: "watch the validation loss with some patience and keep the best model; less overfitting",
                    },
                )
                reveal = message_page(study, await _revealed(study, card, 1))
                await study.at("17:05", day=1)
                board = (await ada.command("/nnquestion", "leaderboard", study.channel)).reply
                assert board is not None
                return {
                    "slack-question": question,
                    "slack-reveal": reveal,
                    "slack-board": message_page(study, board),
                    "slack-home": home,
                }


async def _opened(study: Study, day: int, question: str) -> Message:
    """The card of a day's round, which asks this question."""
    await study.ada.command("/nnquestion", f"next {question}", study.channel)
    await study.at("10:00", day)
    await study.until(lambda: len(study.channel.messages) == day + 1)
    while (await study.round()).thread is None:  # The program is about to know of it, too.
        pass
    return study.channel.messages[-1]


async def _answered(study: Study, card: Message, answers: Mapping[Member, str]) -> None:
    said = [await who.say(study.channel, words, thread=card) for who, words in answers.items()]
    await study.until(lambda: all(marked(study, one) for one in said))


async def _revealed(study: Study, card: Message, day: int) -> Message:
    """The reveal in the thread, once the card tells of it, too."""
    await study.at("17:00", day)
    await study.until(lambda: card.edited and "Reference answer" in card.replies[-1].words)
    return card.replies[-1]


# --- pages --------------------------------------------------------------------------------------------------


def message_page(study: Study, message: Message) -> str:
    """The page of a channel, or of a thread in it, that shows this message of the bot's."""
    place, shown = f"# {html.escape(study.channel.name)}", message.user.name
    if message.is_reply:
        place = f"Thread <span>{place}</span>"
    private = '<div class="private">Only visible to you</div>' if message.ephemeral else ""
    sent = {"name": shown, "logo": avatar(shown), "time": float(message.ts) * 1000}
    return _page(f'<div class="place">{place}</div>{private}', study, message.blocks, sent)


def home_page(study: Study, home: View) -> str:
    """The page of the app's Home tab."""
    head = (
        '<div class="place">nnquestion</div><div class="tabs"><b>Home</b><span>Messages</span><span>About</span></div>'
    )
    return _page(head, study, home.blocks, {"withoutWrapper": True})


def _page(head: str, study: Study, blocks: Sequence[Mapping[str, Any]], shown: Mapping[str, Any]) -> str:
    channels = [{"id": channel.id, "name": channel.name} for channel in study.team.channels.values()]
    data = {
        **shown,
        "blocks": in_words(blocks, study.server.clock.now),
        "data": {"users": [], "user_groups": [], "channels": channels},
    }
    script = json.dumps(data).replace("</", "<\\/")
    return (
        f'<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="components.css"><style>{STYLE}</style>'
        f'<main style="width: {WIDTH}px">{head}<div id="shown"></div><small>{CAPTION}</small></main>'
        f'<script>window.SHOWN = {script};</script><script src="components.js"></script><script>{MEASURE}</script>'
    )


def in_words(value: Any, now: datetime) -> Any:
    """Blocks with their dates as text, as Slack words them to a reader in UTC with a 24-hour clock at that instant.

    The library words them in another way, and by the present day of whoever draws.
    """
    match value:
        case {"type": "date"}:
            return {
                "type": "text",
                "text": _date(datetime.fromtimestamp(value["timestamp"], UTC), value["format"], now),
            }
        case dict():
            return {key: in_words(one, now) for key, one in value.items()}
        case list():
            return [in_words(one, now) for one in value]
    return value


def _date(at: datetime, form: str, now: datetime) -> str:
    """https://docs.slack.dev/reference/block-kit/block-elements/date-element"""
    days = {
        now.date() + timedelta(days=number): word for number, word in ((-1, "yesterday"), (0, "today"), (1, "tomorrow"))
    }
    end = {1: "st", 2: "nd", 3: "rd"}.get(at.day % 10 if at.day // 10 != 1 else 0, "th")
    day = days.get(at.date(), f"{at:%A, %B} {at.day}{end}")
    return form.replace("{day_divider_pretty}", day).replace("{time}", f"{at:%H:%M}").lstrip("\u200b")


if __name__ == "__main__":
    try:
        for file in draw(asyncio.run(play()), FOLDER, packages=PACKAGES, program=PROGRAM, colours=16):
            sys.stdout.write(f"{file.name}  {file.stat().st_size:,} bytes\n")
    except CannotDraw as error:
        sys.exit(str(error))
