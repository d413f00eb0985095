"""One day in a Slack workspace as its members saw it, written into docs/slack-day.md.

    python -m tests.adapters.slack.transcript

plays it with the assembled program over real sockets, against the loopback Slack of `tests/wire`.
"""

from __future__ import annotations

import asyncio
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.adapters.slack.study import Study, marked
from tests.wire.slack_server import Channel, Member, Message, Outcome, SlackServer, View

PAGE: Final = Path(__file__).parents[3] / "docs" / "slack-day.md"
HEAD: Final = """\
# A day in a Slack workspace

Played by `python -m tests.adapters.slack.transcript`: the program over real sockets against a loopback Slack. Times
are UTC; Slack shows each reader their own. What only one member sees is marked so.

```text
"""
WIDTH: Final = 100
EMOJI: Final = {"white_check_mark": "✅"}


class Day:
    """Plays the day and notes what is seen."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.lines: list[str] = []
        self._shown: dict[str, tuple[str, str]] = {}

    def happens(self, what: str) -> None:
        self.lines += ["", f"{self.study.server.clock.now:%H:%M}  {what}"]

    def all_see(self) -> None:
        """Note what is new, or said anew, in the channel and its threads."""
        for message in self.study.channel.messages:
            self._show(message, "  ")
            for below in message.replies:
                self._show(below, "  │ ")

    def alone(self, who: Member, seen: Outcome | View) -> None:
        """Note what one member is shown in private: a message, a form, or a page."""
        view = seen if isinstance(seen, View) else seen.modal
        if view is not None and view.fields:
            self.lines.append(f"  only {who.name} sees a form: {', '.join(view.fields)}")
            return
        private = [message for message in seen.shown if message.ephemeral] if isinstance(seen, Outcome) else []
        blocks = private[-1].blocks if private else []
        words = "\n".join(_lines(view.blocks if view is not None else blocks, self.study.team.channels))
        window = f", in a window titled “{view.title}”" if view is not None and view.title else ""
        self.lines += [f"  only {who.name} sees{window}:", *_wrapped(words, "  ┆ ")]

    def _show(self, message: Message, indent: str) -> None:
        text = "\n".join(_lines(message.blocks, self.study.team.channels)) if message.blocks else message.text
        marks = " ".join(EMOJI[name] for name in message.reactions)
        before, marked_before = self._shown.get(message.ts, ("", ""))
        if (text, marks) == (before, marked_before):
            return
        edited = " (edited)" if before not in ("", text) else ""
        self.lines.append(f"{indent}{message.user.name}{edited}:")
        self.lines += list(_wrapped(text, indent + "  "))
        if marks:
            self.lines.append(f"{indent}  {marks}")
        self._shown[message.ts] = (text, marks)


def _lines(blocks: Iterable[Mapping[str, Any]], channels: Mapping[str, Channel]) -> Iterator[str]:
    """What can be read in blocks of the kinds that the bot sends; a blank line where Slack leaves a gap in a text."""
    after = ""
    for block in blocks:
        kind = str(block["type"])
        if kind == "divider" or (kind == after == "rich_text"):
            yield ""
        after = kind
        match kind:
            case "header":
                yield block["text"]["text"]
            case "rich_text":
                for element in block["elements"]:
                    yield from _text(element, channels)
            case "actions":
                yield " ".join(f"[{button['text']['text']}]" for button in block["elements"])
            case "context":
                yield " ".join(element["text"] for element in block["elements"])
            case "divider":
                pass
            case _:
                raise ValueError(f"the day would leave out a block of type {kind}")


def _text(element: Mapping[str, Any], channels: Mapping[str, Channel]) -> Iterator[str]:
    if element["type"] == "rich_text_list":
        for item in element["elements"]:
            yield from (f"- {line}" for line in _text(item, channels))
        return
    words = "".join(_span(span, channels) for span in element["elements"])
    yield from words.split("\n") if element["type"] == "rich_text_preformatted" else [words]


def _span(span: Mapping[str, Any], channels: Mapping[str, Channel]) -> str:
    match span["type"]:
        case "date":
            return str(span["fallback"])
        case "channel":
            return f"#{channels[span['channel_id']].name}"
        case "link":
            return str(span["text"])
        case "text" if span.get("style", {}).get("code"):
            return f"`{span['text']}`"
        case "text":
            return str(span["text"])
    raise ValueError(f"the day would leave out an element of type {span['type']}")


def _wrapped(text: str, indent: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from (
            (indent + row).rstrip()
            for row in textwrap.wrap(line, WIDTH - len(indent), subsequent_indent="  " if line[:2] == "- " else "")
            or [""]
        )


async def play() -> str:
    """The page of the day."""
    with tempfile.TemporaryDirectory() as folder:
        async with SlackServer(commands=frozenset({"/nnquestion"})) as server:
            team = server.team("Study")
            ada = team.user("ada", admin=True, tz="Etc/UTC")
            bob, carl = team.user("bob", tz="Etc/UTC"), team.user("carl", tz="Etc/UTC")
            study = Study(server, Path(folder) / "day.db", team, team.channel("general"), ada, bob)
            async with study.running():
                day = Day(study)
                await _play(day, ada, bob, carl)
    return HEAD + "\n".join(day.lines).strip("\n") + "\n```\n"


async def _play(day: Day, ada: Member, bob: Member, carl: Member) -> None:
    study = day.study
    day.happens("ada says /nnquestion setup time=10:00 zone=UTC closes=17:00")
    day.alone(ada, await ada.command("/nnquestion", "setup time=10:00 zone=UTC closes=17:00", study.channel))
    day.happens("ada says /nnquestion next dropout")
    day.alone(ada, await ada.command("/nnquestion", "next dropout", study.channel))

    await study.at("10:00")
    await study.until(lambda: study.card is not None)
    card = study.card
    assert card is not None
    while (await study.round()).thread is None:  # The program is about to know of it, too.
        pass
    day.happens("the round opens")
    day.all_see()

    await study.at("10:12")
    words = "dropout randomly sets activations to zero during training so units can't co-adapt"
    said = await bob.say(study.channel, words, thread=card)
    await study.until(lambda: marked(study, said))
    day.happens("bob answers in the thread")
    day.all_see()

    await study.at("10:30")
    day.happens("carl presses Hint, then Answer")
    day.alone(carl, await carl.press(card, "Hint"))
    opened = await carl.press(card, "Answer")
    day.alone(carl, opened)
    assert opened.modal is not None
    text = "at inference dropout is off, and what is kept is scaled by 1/(1-p) while training. use it when you overfit"
    day.happens("carl sends the form, to be shared without his name")
    shared = {"Your answer": text, "Share it at the reveal?": "Without my name"}
    sent = await carl.submit(opened.modal, shared)
    day.alone(carl, sent)
    assert sent.modal is not None
    day.happens("carl presses Check now, in the same window")
    day.alone(carl, await carl.press(sent.modal, "Check now"))

    await study.at("10:40")
    await bob.edit(said, f"{words}. it is switched off at test time; good for big layers that overfit")
    await study.handled()
    day.happens("bob edits his answer")
    day.all_see()

    await study.revealed("17:00")
    await study.until(lambda: card.edited)
    day.happens("the round closes and is revealed")
    day.all_see()

    await study.at("17:05")
    day.happens("bob presses My result")
    day.alone(bob, await bob.press(card, "My result"))
    day.happens("bob presses Answers")
    day.alone(bob, await bob.press(card, "Answers"))
    await _objects(day, card, carl)
    await _rules(day, ada)
    day.happens("ada says /nnquestion award @bob 1 the clearest answer of the day")
    said_so = f"award {bob.mention} 1 the clearest answer of the day"
    awarded = await ada.command("/nnquestion", said_so, study.channel)
    await study.until(lambda: "award" in card.replies[-1].words and any(one.ephemeral for one in awarded.shown))
    day.alone(ada, awarded)
    day.all_see()
    day.happens("ada says /nnquestion leaderboard")
    day.alone(ada, await ada.command("/nnquestion", "leaderboard", study.channel))
    day.happens("carl opens the app's Home tab")
    await carl.open_home()
    await study.until(lambda: carl.home is not None)
    assert carl.home is not None
    day.alone(carl, carl.home)
    day.happens("carl presses Use it as an example")
    seen = await carl.press(carl.home, "Use it as an example")
    day.alone(carl, carl.home)
    assert seen.error is None


async def _objects(day: Day, card: Message, carl: Member) -> None:
    await day.study.at("17:20")
    day.happens("carl presses I covered this, below the reference answer")
    seen = await carl.press(card.replies[-1], "I covered this")
    day.alone(carl, seen)
    chain = seen.reply
    assert chain is not None
    for button in ("2. It is switched off", "1. at inference"):
        [label] = [label for label in chain.labels if label.startswith(button)]
        day.happens(f"carl presses {label}: the same message goes on")
        day.alone(carl, await carl.press(chain, label))


async def _rules(day: Day, ada: Member) -> None:
    await day.study.at("18:10")
    day.happens("ada says /nnquestion review")
    seen = await ada.command("/nnquestion", "review", day.study.channel)
    day.alone(ada, seen)
    chain = seen.reply
    assert chain is not None
    for label in ("Look at 1", "It is in there"):
        day.happens(f"ada presses {label}: the same message goes on")
        day.alone(ada, await ada.press(chain, label))


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(play()), encoding="utf-8")
