"""A study group whose members use commands, buttons, forms and menus, and what each of them is shown then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters.slack.needs import COMMAND, EVENTS, SCOPES
from bot.core.model import Drill
from bot.core.rounds import SLEEPS_AFTER
from bot.runtime import Program
from tests.adapters.slack.study import Study
from tests.store.files import with_tables
from tests.wire.slack_server import (
    Act,
    Channel,
    Delivery,
    Member,
    Message,
    Outcome,
    SlackServer,
    View,
)


@dataclass(slots=True)
class Workspace(Study):
    """The study group, for tests that look at what people do with the bot."""

    @asynccontextmanager
    async def running(self, *, killed: bool = False, settled: bool = True) -> AsyncIterator[Program]:
        async with Study.running(self, killed=killed, settled=settled) as program:
            yield program
            await self.handled()  # What Slack tells while its socket closes, the SDK logs as an error.

    async def says(self, who: Member, text: str = "", channel: Channel | None = None) -> str:
        """What a command tells, after a look at whether it is for them alone."""
        return await asked(who.command(COMMAND, text, channel or self.channel), who)

    async def mentions(self, who: Member, text: str, thread: Message | None = None) -> Message:
        """What somebody is told after they have said something to the bot by its name."""
        before = len(who.ephemerals)
        await who.mention_bot(self.channel, text, thread=thread)
        await self.until(lambda: len(who.ephemerals) > before)
        return who.ephemerals[-1]

    async def forged(
        self, who: Member, press: str, value: str, on: Message, *, view: View | None = None, wait: bool = True
    ) -> Outcome:
        """Somebody presses a button that stands nowhere, with a value of their own."""
        action = {"type": "button", "block_id": "b", "action_id": press, "value": value, "action_ts": who._now()}
        details: dict[str, Any] = {"actions": [action]}
        if view is not None:
            details["container"] = {"type": "view", "view_id": view.id}
            begun = self.server.world.interactions.begin(Act.ACTION, who, details, view=view)
        else:
            container = {"type": "message", "message_ts": on.ts, "channel_id": on.channel.id}
            details["container"] = container
            begun = self.server.world.interactions.begin(Act.ACTION, who, details, channel=on.channel, message=on)
        return await who.settled(begun) if wait else begun

    async def sends(self, who: Member, what: str, about: str, values: dict[str, str] | None = None) -> Outcome:
        """Somebody sends a form that was never opened for them: what is shown of it is a view of their own."""
        state = {name: {"x": {"type": "plain_text_input", "value": text}} for name, text in (values or {}).items()}
        content = {"type": "modal", "callback_id": f"nn.{what}", "blocks": list[object](), "title": {"text": "x"}}
        view = self.server.world.new_view(who, {**content, "private_metadata": f'{{"about":"{about}"}}'})
        who.modals.append(view)
        shown = {**view.content, "id": view.id, "hash": view.hash, "state": {"values": state}}
        begun = self.server.world.interactions.begin(Act.SUBMISSION, who, {"view": shown}, view=view)
        return await who.settled(begun)

    async def again(self, outcome: Outcome) -> None:
        """Slack sends what was done once more, as it is; whatever comes of it has happened when this returns."""
        [sent] = [one for one in self.server.deliveries.all if self._is_of(one, outcome)][-1:]
        self.server.deliveries.add(Delivery(sent.kind, sent.payload, sent.team))
        await self.handled()

    @staticmethod
    def _is_of(sent: Delivery, outcome: Outcome) -> bool:
        return bool(outcome.trigger_id) and sent.payload.get("trigger_id") == outcome.trigger_id

    async def setup_form(self) -> View:
        """The form for the channel's drill, open before Ada."""
        form = (await self.ada.command(COMMAND, "setup", self.channel)).modal
        assert form is not None
        return form

    async def kept(self) -> list[Drill]:
        return await self.program.store.read(lambda tx: tx.drills.all())

    async def asleep(self) -> Message:
        """The note that comes once nobody has answered for some days."""
        for day in range(SLEEPS_AFTER):
            await self.at("10:00", day)
            await self.until(lambda: len(self.cards) > day)  # noqa: B023 - it is waited for right here
        await self.at("18:00", SLEEPS_AFTER - 1)
        await self.until(lambda: "Resume" in self.channel.messages[-1].labels)
        return self.channel.messages[-1]

    @property
    def cards(self) -> list[Message]:
        return [message for message in self.channel.messages if "Question of" in message.words]

    @asynccontextmanager
    async def slow_database(self) -> AsyncIterator[None]:
        """Whatever is asked of the database waits until the end of this."""
        store, released = self.program.store, threading.Event()
        busy = asyncio.gather(store.read(lambda tx: released.wait(30)), store.write(lambda tx: released.wait(30)))
        try:
            yield
        finally:
            released.set()
            await busy


@asynccontextmanager
async def workspace(folder: Path) -> AsyncIterator[Workspace]:
    """A workspace with ada, an admin, and bob; at its end nobody was pinged, and Slack had nothing to complain of."""
    async with SlackServer(commands=frozenset({COMMAND}), scopes=frozenset(SCOPES), events=frozenset(EVENTS)) as server:
        server.world.app.escape = True
        team = server.team("Study")
        ada = team.user("ada", admin=True, tz="Europe/Berlin")
        yield Workspace(server, with_tables(folder / "x.db"), team, team.channel("general"), ada, team.user("bob"))
        assert server.pings == []
        assert server.unknown == []
        assert server.complaints == []


def alone(seen: Outcome, who: Member) -> str:
    """What somebody sees, for them alone: in a message, or in a form."""
    assert seen.error is None, seen.error
    told = replies(seen)
    assert told or seen.views
    assert all(message.seen_by is who for message in told)
    return "\n".join([message.words for message in told] + [f"{view.title}\n{view.words}" for view in seen.views])


def replies(seen: Outcome) -> list[Message]:
    """What the bot said in answer: no message that got a mark, and none of a round, which has its reference with it."""
    return [message for message in seen.shown if message.by_app and message.metadata is None]


async def noted(act: Awaitable[Outcome]) -> Message:
    """The message that somebody is told by."""
    seen = await act
    await seen.member.world.bell.until(lambda: replies(seen), lambda: "Nothing was said")
    [told] = replies(seen)
    return told


async def asked(act: Awaitable[Outcome], who: Member) -> str:
    """What somebody is told; a round's message may stand before the answer to whoever asked for it."""
    seen = await act
    await who.world.bell.until(lambda: replies(seen) or seen.views or seen.error, lambda: "Nothing was said")
    return alone(seen, who)


def modal(seen: Outcome) -> View:
    assert seen.modal is not None, seen
    return seen.modal
