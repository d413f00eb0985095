"""One day in a Discord server as its members saw it, written into docs/discord-day.md.

    python -m tests.adapters.discord.transcript

plays it with the assembled program over real sockets, against the loopback Discord of `tests/wire`.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.adapters.discord.study import Study, text_of
from tests.wire.discord_server import DiscordServer, Form, Intent, Interaction, Member, Message, Perm

PAGE = Path(__file__).parents[3] / "docs" / "discord-day.md"
HEAD = """\
# A day in a Discord server

Played by `python -m tests.adapters.discord.transcript`: the program over real sockets against a loopback Discord. Times
are UTC; Discord shows each reader their own. What only one member sees is marked so.

```text
"""
WIDTH = 100


class Day:
    """Plays the day and notes what is seen."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.lines: list[str] = []
        self._shown: dict[int, tuple[str, str]] = {}

    def happens(self, what: str) -> None:
        self.lines += ["", f"{self.study.server.clock.now:%H:%M}  {what}"]

    def all_see(self) -> None:
        """Note what is new, or said anew, in the channel and its threads."""
        for message in self.study.channel.messages:
            self._show(message, "  ")
            for below in message.thread.messages if message.thread is not None else ():
                self._show(below, "  │ ")

    def alone(self, who: Member, seen: Interaction) -> None:
        """Note what one member is told in private."""
        if isinstance(seen.form, Form):
            self.lines.append(f"  only {who.name} sees a form: {', '.join(one.label for one in seen.form.fields)}")
            return
        self.lines.append(f"  only {who.name} sees:")
        self.lines += list(_wrapped(_plain(seen.answer), "  ┆ "))
        if seen.answer is not None and seen.answer.labels:
            self.lines += list(_wrapped(" ".join(f"[{label}]" for label in seen.answer.labels), "  ┆ "))

    def directly(self, who: Member, message: Message) -> None:
        """Note what the bot writes to one member in direct messages."""
        self.lines.append(f"  {message.author.name} to {who.name} alone:")
        self.lines += list(_wrapped(_plain(message), "  ┆ "))
        self.lines += list(_wrapped(" ".join(f"[{label}]" for label in message.labels), "  ┆ "))

    def _show(self, message: Message, indent: str) -> None:
        text = _plain(message) if message.embeds else message.content
        marks = " ".join(str(emoji) for emoji in message.reactions)
        if not text or self._shown.get(message.id) == (text, marks):
            return
        before, _ = self._shown.get(message.id, ("", ""))
        edited = " (edited)" if before not in ("", text) else ""
        self.lines.append(f"{indent}{message.author.name}{edited}:")
        self.lines += list(_wrapped(text, indent + "  "))
        for one in message.attachments:
            self.lines += list(_wrapped(f"({one.filename}: {one.description})", indent + "  "))
        if message.labels:
            self.lines.append(indent + "  " + " ".join(f"[{label}]" for label in message.labels))
        if marks:
            self.lines.append(f"{indent}  {marks}")
        self._shown[message.id] = (text, marks)


def _plain(message: Message | None) -> str:
    """A message's words as a client shows them, without its colours."""

    def moment(found: re.Match[str]) -> str:
        return f"{datetime.fromtimestamp(int(found[1]), UTC):%A %d %B, %H:%M}"

    text = re.sub(r"<t:(\d+)(?::\w)?>", moment, text_of(message))
    text = re.sub(r"<#\d+>", "#general", text)
    text = re.sub(r"<(https?://[^>]+)>|\[((?:\\.|[^\]\\])+)\]\(https?://[^)]+\)", r"\1\2", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text).strip()


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
        async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
            guild = server.guild("Study")
            ada, bob = guild.member("ada", permissions=Perm.MANAGE_GUILD), guild.member("bob")
            study = Study(server, Path(folder) / "day.db", guild, guild.channel("general"), ada, bob)
            carl, dora = guild.member("carl"), guild.member("dora")
            async with study.running():
                day = Day(study)
                await _play(day, ada, bob, carl, dora)
    return HEAD + "\n".join(day.lines).strip("\n") + "\n```\n"


async def _play(day: Day, ada: Member, bob: Member, carl: Member, dora: Member) -> None:
    study = day.study
    day.happens("ada says /nnquestion-admin setup time:10:00 zone:UTC closes:17:00")
    seen = await ada.command("nnquestion-admin setup", study.channel, time="10:00", zone="UTC", closes="17:00")
    day.alone(ada, seen)
    day.happens("ada says /nnquestion-admin next question:dropout")
    day.alone(ada, await ada.command("nnquestion-admin next", study.channel, question="dropout"))
    day.happens("dora says /nnquestion me show:remind value:11:00")
    day.alone(dora, await dora.command("nnquestion me", study.channel, show="remind", value="11:00"))

    await study.at("10:00")
    card = await study.question()
    thread = card.thread
    assert thread is not None
    day.happens("the round opens")
    day.all_see()

    await study.at("10:12")
    said = await bob.say(thread, "dropout randomly sets activations to zero during training so units can't co-adapt")
    await study.until(lambda: bool(said.reactions))
    day.happens("bob answers in the thread")
    day.all_see()

    await study.at("10:30")
    day.happens("carl presses Hint, then Answer")
    day.alone(carl, await carl.press(card, "Hint"))
    opened = await carl.press(card, "Answer")
    day.alone(carl, opened)
    assert opened.form is not None
    text = "at inference dropout is off, and what is kept is scaled by 1/(1-p) while training. use it when you overfit"
    day.happens("carl sends the form")
    sent = await carl.submit(opened.form, {"Your answer": text, "Share it at the reveal?": "Without my name"})
    day.alone(carl, sent)
    day.happens("carl presses Check now")
    await _presses(day, carl, sent, "Check now")

    await study.at("10:40")
    await bob.edit(said, said.content + ". it is switched off at test time; good for big layers that overfit")
    await study.server.caught_up()
    day.happens("bob edits his answer")
    day.all_see()

    await study.at("11:00")
    await study.until(lambda: bool(dora.dm.messages))
    day.happens("dora is reminded")
    day.directly(dora, dora.dm.messages[-1])
    reply = "some neurons are left out at random in every training step"
    await dora.say(dora.dm, reply)
    await study.until(lambda: len(dora.dm.messages) == 3)
    day.happens(f"dora replies: {reply}")
    day.directly(dora, dora.dm.messages[-1])

    await study.at("17:00")
    await study.until(lambda: any("Reference answer" in text_of(message) for message in thread.messages))
    await study.until(lambda: bool(card.edited))
    day.happens("the round closes and is revealed")
    day.all_see()

    await study.at("17:05")
    day.happens("bob presses My result")
    day.alone(bob, await bob.press(card, "My result"))

    day.happens("bob presses Answers, then 1 helped me")
    shared = await bob.press(card, "Answers")
    day.alone(bob, shared)
    await _presses(day, bob, shared, "1 helped me")

    await study.at("17:10")
    day.happens("carl presses I covered this")
    objects = await carl.press(card, "I covered this")
    day.alone(carl, objects)
    day.happens("carl chooses a key point; the card changes in its place")
    await _presses(day, carl, objects, "2. ")
    day.happens("carl chooses his sentence")
    await _presses(day, carl, objects, "1. ")

    await study.at("18:00")
    day.happens("ada says /nnquestion-admin review")
    reviews = await ada.command("nnquestion-admin review", study.channel)
    day.alone(ada, reviews)
    day.happens("ada presses Look at 1")
    await _presses(day, ada, reviews, "Look at 1")
    day.happens("ada presses It is in there")
    await _presses(day, ada, reviews, "It is in there")

    await study.at("18:20")
    day.happens("carl presses My result")
    result = await carl.press(card, "My result")
    day.alone(carl, result)
    day.happens("carl presses Use it as an example")
    await _presses(day, carl, result, "Use it as an example")

    await study.at("18:30")
    before = len(thread.messages)
    reason = "explained co-adaptation to everybody at lunch"
    day.happens(f"ada says /nnquestion-admin award member:@bob points:2 reason:{reason}")
    awards = {"member": bob, "points": "2", "reason": reason}
    day.alone(ada, await ada.command("nnquestion-admin award", study.channel, **awards))
    await study.until(lambda: len(thread.messages) > before)
    day.all_see()
    day.happens("bob says /nnquestion leaderboard")
    board = await bob.command("nnquestion leaderboard", study.channel)
    day.alone(bob, board)
    day.happens("bob presses Share the top ten here")
    await _presses(day, bob, board, "Share the top ten here")
    await study.until(lambda: "Leaderboard" in text_of(study.channel.messages[-1]))
    day.all_see()


async def _presses(day: Day, who: Member, card: Interaction, begins: str) -> None:
    """Press a button of a private card, by how it begins, and note what stands there then."""
    assert card.answer is not None
    label = next(label for label in card.answer.labels if label.startswith(begins))
    day.alone(who, await who.press(card.answer, label))


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(play()), encoding="utf-8")
