"""Who organizes nothing runs no command of organizers, whatever they forge; and nothing that is sent breaks anything.

What buttons and typed commands come to is tested with the core (`tests/core/test_pressing.py`); here it is what Discord
lets arrive.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.discord.ids import channel_id
from bot.core.card import Press
from bot.core.commands import BY_NAME, TABLE, Command, Takes, line
from bot.core.model import ChannelId, Round
from bot.core.sharing import mark, shared_in
from tests.adapters.discord.study import Study, seen_only_by, text_of
from tests.adapters.hostile import ORGANIZERS, Mangler, filled_in, kept
from tests.wire.discord_server import Channel, DiscordServer, Guild, Intent, Interaction, Member, Message, Perm
from tests.wire.discord_server.interactions import Act, Stage

ADMIN: Final = "nnquestion-admin"
SAID: Final = "dropout sets random activations to zero while training. the work is spread over all of them."

BY_RIGHTS: Final = (
    "for organizers",
    "Only organizers",
    "belongs to another group",
    "This no longer does anything.",
    "I do not know this round any more.",
    "A drill needs a text or announcement channel",
    "You and I are no longer in one server there.",
)
"""The words in which somebody is told that they may not."""

_LABEL, _TEXT_INPUT, _USER_SELECT, _SUBCOMMAND, _STRING, _USER = 18, 4, 5, 1, 3, 6

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Guarded(Study):
    """A server with a round that was revealed, in which somebody objects and shares; an open round; a second server."""

    other: Guild
    lobby: Channel
    eve: Member
    """Manages the other server."""

    @property
    def here(self) -> ChannelId:
        return channel_id(self.guild.id, self.channel.id)

    @property
    def foreign(self) -> ChannelId:
        return channel_id(self.other.id, self.lobby.id)

    async def two_days(self) -> Message:
        """Let all that happen; the card of the round that is open at its end."""
        await self.set_up()
        await self.ada.command(f"{ADMIN} next", self.channel, question="dropout")
        await self.at("10:00")
        card = await self.question()
        form = (await self.bob.press(card, "Answer")).form
        assert form is not None
        await self.bob.submit(form, {"text": SAID, "share": "with my name"})
        await self.at("18:00")
        await self.until(lambda: "My result" in card.labels)
        which = (await self.bob.press(card, "I covered this")).answer
        assert which is not None
        for begins in ("3. Units", "2. the work"):
            await self.bob.press(which, next(label for label in which.labels if label.startswith(begins)))
        assert "Your objection is filed" in text_of(which)
        await self.at("10:00", 1)
        await self.until(lambda: len(self.channel.messages) > 1 and self.channel.messages[-1].thread is not None)
        while await self.program.store.read(lambda tx: tx.deliveries.unfinished()):
            pass  # What is owed is recorded a moment after it has been sent.
        await self.handled()
        return self.channel.messages[-1]

    async def rounds(self) -> list[Round]:
        return sorted(await self.program.bot.posted_rounds(), key=lambda one: one.opened_at)

    def begin(
        self, act: Act, who: Member, data: Json, where: Channel | None = None, on: Message | None = None
    ) -> Interaction:
        """Somebody sends something that no client of Discord's has made."""
        return self.server.world.interactions.begin(act, who, where or self.channel, data, on=on)

    def sent(self) -> list[Json]:
        """All interactions that Discord has told of, as they were sent."""
        [session] = self.server.gateway.connected
        return [json.loads(text)["d"] for _, text in session.sent if '"INTERACTION_CREATE"' in text]


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Guarded]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        server.limits.per_second = 100_000
        guild, other = server.guild("Study"), server.guild("Other")
        ada, eve = (one.member(name, permissions=Perm.MANAGE_GUILD) for one, name in ((guild, "Ada"), (other, "Eve")))
        channel, lobby, bob = guild.channel("general"), other.channel("lobby"), guild.member("Bob")
        yield Guarded(server, tmp_path / "x.db", guild, channel, ada, bob, other=other, lobby=lobby, eve=eve)
        assert server.pings == []
        assert server.unknown == []
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


# --- ways to give a command -------------------------------------------------------------------------------------


def typed(command: Command, about: Member, *, under: str = ADMIN) -> Json:
    """A slash command, as Discord sends it, filled in; it is about this member."""
    given = [
        {"name": option.name, "type": _USER if option.takes is Takes.MEMBER else _STRING, "value": value}
        for option in command.options
        if (value := values(command, about).get(option.name))
    ]
    called = {"name": command.name, "type": _SUBCOMMAND, "options": given}
    user = {"id": str(about.id), "username": about.name, "discriminator": "0", "global_name": None, "avatar": None}
    resolved = {"users": {str(about.id): user}, "members": {str(about.id): {"nick": None}}}
    return {"id": "1", "name": under, "type": 1, "options": [called], "resolved": resolved}


def values(command: Command, about: Member) -> dict[str, str]:
    given = filled_in(command, member=about.mention)
    choosing = {option.name for option in command.options if option.takes is Takes.MEMBER}
    return {name: str(about.id) if name in choosing else value for name, value in given.items()}


def form(command: Command, about: Member, channel: str) -> Json:
    """A form of a command, as if it had been opened about a channel, filled in."""
    fields = [
        {"type": _LABEL, "component": {"type": _TEXT_INPUT, "custom_id": name, "value": value}}
        for name, value in filled_in(command, member=about.mention).items()
    ]
    return {"custom_id": f"nn:form:{command.name}:{channel}:x", "components": fields}


def buttons(command: Command, about: Member, channel: str) -> Iterator[Json]:
    """Buttons that say a command about a channel, and those of organizers that say none."""
    said = line(command.name, filled_in(command, member=f"@{about.id}"))
    for press, words in ((Press.DO, command.name), *((press, said) for press in (Press.DO, Press.RESUME, Press.TRY))):
        yield pressed(f"nn:{press}:{words} {channel}")


def decisions(channel: str, round_: Round, marked: str) -> Iterator[Json]:
    """Buttons by which organizers decide on what members did."""
    for about in ("list", "o1", "f1"):
        yield pressed(f"nn:{Press.REVIEW}:{about} {channel}")
    for about in ("grant o1", "decline o1", "2 o1", "0 f1", "undo r1", "drop f1"):
        yield pressed(f"nn:{Press.RULE}:{about} {channel}")
    yield pressed(f"nn:{Press.RESUME}: {channel}")
    yield pressed(f"nn:{Press.REMOVE}:{marked} {round_.id}")


def pressed(custom_id: str) -> Json:
    return {"custom_id": custom_id, "component_type": 2, "id": 1}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to give organizers' orders: how it is told apart, and what arrives."""

    name: str
    act: Act
    data: Json


async def orders(study: Guarded, channel: str, about: Member) -> list[Way]:
    """All that may be sent by buttons and forms to organize a channel; what is about a member is about this one."""
    first = (await study.rounds())[0]
    [shared] = await study.program.store.read(lambda tx: shared_in(tx, first.id))
    found = [(Act.COMPONENT, button) for button in decisions(channel, first, mark(shared))]
    for command in ORGANIZERS:
        found += [(Act.COMPONENT, button) for button in buttons(command, about, channel)]
        found.append((Act.FORM, form(command, about, channel)))
    return [Way(f"{act.name} {data['custom_id']}", act, data) for act, data in found]


async def tried(study: Guarded, who: Member, ways: Iterable[Way], *places: Channel) -> None:
    """Somebody tries all of these, from each place: each is refused in words for them alone, and nothing changes."""
    before = kept(study.database)
    sent = [(way.name, study.begin(way.act, who, way.data, place)) for place in places for way in ways]
    assert sent
    for what, begun in sent:
        seen = await who.settled(begun)
        assert seen.form is None, what
        assert seen_only_by(who, seen), what
        assert "That did not work" in seen.text, (what, seen.text)
        assert any(words in seen.text for words in BY_RIGHTS), (what, seen.text)
    assert kept(study.database) == before


# --- who organizes nothing ----------------------------------------------------------------------------------------


async def test_no_slash_command_of_organizers_is_carried_out_for_others(study: Guarded) -> None:
    async with study.running():
        card = await study.two_days()
        assert card.thread is not None
        ways = [
            Way(f"{under} {command.name}", Act.COMMAND, typed(command, study.ada, under=under))
            for command in ORGANIZERS
            for under in (ADMIN, "nnquestion")
        ]
        await tried(study, study.bob, ways, study.channel, card.thread, study.bob.dm)


async def test_no_button_and_no_form_organizes_anything_for_others_wherever_it_is_used(study: Guarded) -> None:
    async with study.running():
        await study.two_days()
        await tried(study, study.bob, await orders(study, study.here, study.ada), study.channel, study.bob.dm)


async def test_who_manages_another_server_organizes_nothing_here_by_its_ids(study: Guarded) -> None:
    async with study.running():
        await study.two_days()
        await tried(study, study.eve, await orders(study, study.here, study.ada), study.lobby, study.eve.dm)
        there = [way for way in await orders(study, study.foreign, study.ada) if Press.REMOVE not in way.name]
        await tried(study, study.ada, there, study.channel, study.ada.dm)


async def test_what_an_organizer_has_sent_does_nothing_when_a_member_sends_it_again(study: Guarded) -> None:
    async with study.running():
        await study.two_days()
        await study.ada.command(f"{ADMIN} setup", study.channel, time="11:00")
        await study.ada.command(f"{ADMIN} bar", study.channel, member=study.bob)
        await study.ada.command(f"{ADMIN} award", study.channel, member=study.bob, points="2", reason="well said")
        setup = (await study.pressed(study.ada, f"nn:do:setup {study.here}")).form
        assert setup is not None
        assert "The drill is changed" in (await study.ada.submit(setup)).text
        review = (await study.ada.command(f"{ADMIN} review", study.channel)).answer
        assert review is not None
        look = next(label for label in review.labels if label.startswith("Look at"))
        await study.ada.press(review, look)
        await study.ada.press(review, "It is in there")
        await study.handled()
        of_ada = [one for one in study.sent() if one["member"]["user"]["id"] == str(study.ada.id)]
        assert len(of_ada) >= 9

        ways = [Way(f"again {one['type']} {one['data']}", Act(one["type"]), one["data"]) for one in of_ada]
        await tried(study, study.bob, ways, study.channel)
        await study.pressed(study.bob, "nn:me:")
        bob = study.sent()[-1]["member"]
        before, asked = kept(study.database), len(study.server.asked("POST", "/interactions/**"))
        [session] = study.server.gateway.connected
        for one in of_ada:  # With its own number: it has been answered.
            session.dispatch("INTERACTION_CREATE", {**one, "member": bob})
        await study.handled()
        assert kept(study.database) == before
        assert len(study.server.asked("POST", "/interactions/**")) == asked


async def test_all_of_that_is_carried_out_for_an_organizer(study: Guarded) -> None:
    async with study.running():
        await study.two_days()
        given = await orders(study, study.here, study.bob)
        slash = [Way(command.name, Act.COMMAND, typed(command, study.bob)) for command in ORGANIZERS]
        decided = [way for way in given if ":rule:" in way.name or ":remove:" in way.name]
        changed = set()
        for way in (*decided, *slash, *given):
            before = kept(study.database)
            seen = await study.ada.settled(study.begin(way.act, study.ada, way.data))
            assert not any(words in seen.text for words in BY_RIGHTS), (way.name, seen.text)
            if kept(study.database) != before:
                changed.add(way.name)
        assert changed >= {"setup", "pause", "resume", "skip", "next", "bar", "award"}
        for begins in ("nn:rule:grant", "nn:remove:", "nn:do:bar", "nn:resume:bar", "nn:try:award", "nn:form:award"):
            assert any(begins in name for name in changed), begins


async def test_where_discord_does_not_tell_who_somebody_is_nothing_is_done_for_them(study: Guarded) -> None:
    async with study.running():
        await study.two_days()
        before = kept(study.database)
        study.server.faults.fail("GET", "/guilds/**", status=403, times=2)
        for who in (study.ada, study.bob):
            seen = await study.pressed(who, f"nn:do:pause {study.here}", who.dm)
            assert "Discord does not tell me just now who you are there." in seen.text
        assert kept(study.database) == before


# --- what nobody should send --------------------------------------------------------------------------------------


async def test_whatever_stands_in_an_interaction_it_is_answered_and_breaks_nothing(
    study: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        card = await study.two_days()
        assert card.thread is not None
        await study.ada.command(f"{ADMIN} award", study.channel, member=study.bob, points="2", reason="well said")
        await study.ada.complete(f"{ADMIN} setup", "zone", "ber", study.channel)
        await study.bob.complete("nnquestion ask", "topic", "re", study.channel)
        await study.bob.command("nnquestion me", study.channel, show="away", value="until 2026-12-24")
        await study.bob.use_on(await study.bob.say(card.thread, SAID), "Submit as my answer")
        answer = (await study.bob.press(card, "Answer")).form
        setup = (await study.pressed(study.ada, f"nn:do:setup {study.here}")).form
        award = (await study.pressed(study.ada, f"nn:do:award {study.here}")).form
        assert answer is not None
        assert setup is not None
        assert award is not None
        await study.bob.submit(answer, {"text": SAID})
        await study.ada.submit(setup)
        await study.ada.submit(award, {"Member": [study.bob], "Points": "1", "Reason": "why not"})
        await study.bob.press(card, "Hint")
        seen = [(Act(one["type"]), one["data"]) for one in study.sent()]
        assert {act for act, _ in seen} == set(Act)

        mangler = Mangler(8, words(study, await study.rounds()))
        begun = []
        for number in range(300):
            act, data = mangler.choice(seen)
            made = parsed_by_the_library(act, mangler.mangled(data), data)
            who, where = mangler.choice(
                [(study.ada, study.channel), (study.bob, study.channel), (study.bob, study.bob.dm)]
            )
            begun.append((made, study.begin(act, who, made, where)))
            if number % 50 == 49:
                await study.handled()
        for made, one in begun:
            assert one.stage is Stage.ANSWERED, made
        assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
        assert len(study.server.gateway.identifies) == 1
        assert "What you can say here" in (await study.bob.command("nnquestion help", study.channel)).text


def words(study: Guarded, rounds: list[Round]) -> list[str]:
    """Words that the bot understands, some of them where they do not belong."""
    ids = [*(round_.id for round_ in rounds), study.here, study.foreign, "discord:1/²", "discord:1/@5", "terminal:x/y"]
    said = [*BY_NAME, "o1", "grant o1", "undo r1", "0", "list", "setup organizers=x", "nobody", ""]
    custom = [f"nn:{press}:{about} {id_}" for press in Press for about in ("", "setup", "o1") for id_ in ids]
    forms = [f"nn:form:{command.name}:{id_}:x" for command in TABLE for id_ in ids]
    return [*ids, *said, *custom, *forms, *(f"nn:{press}:{id_}" for press in Press for id_ in ids), "nn:", "nn::", "::"]


def parsed_by_the_library(act: Act, made: Json, data: Json) -> Json:
    """With what discord.py itself reads of it, before anybody hears of it."""
    if act is Act.COMPONENT:
        made["component_type"] = data["component_type"]
    if act in (Act.COMPONENT, Act.FORM):
        made["custom_id"] = str(made.get("custom_id", ""))
    if act is Act.FORM:
        made.setdefault("components", None)
    return made
