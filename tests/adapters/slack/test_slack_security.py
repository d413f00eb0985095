"""Who organizes nothing runs no command of organizers, whatever they forge; and nothing that is sent breaks anything.

What buttons and typed commands come to is tested with the core (`tests/core/test_pressing.py`); here it is what Slack
lets arrive. Forged signatures are in `test_slack_http.py`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.slack.ids import channel_id
from bot.adapters.slack.needs import HERE, SUBMIT
from bot.adapters.slack.shape import sound
from bot.core.card import Press
from bot.core.commands import BY_NAME, line
from bot.core.model import ChannelId, Round
from bot.core.sharing import mark, shared_in
from tests.adapters.hostile import ORGANIZERS, Mangler, filled_in, kept
from tests.adapters.slack.workspace import Workspace, alone, asked, modal, workspace
from tests.wire.slack_server import Delivery, Member, Message, View

SAID: Final = "Dropout sets random activations to zero while training. The work is spread over all of them."

BY_RIGHTS: Final = (
    "for organizers",
    "Only organizers",
    "belongs to another group",
    "This no longer does anything.",
    "I do not know this round any more.",
    "I work in another workspace",
)
"""The words in which somebody is told that they may not."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One way to give organizers' orders: a button with its value, or a form about a channel with its fields."""

    press: str
    about: str
    form: bool = False
    values: dict[str, str] | None = None


async def two_days(study: Workspace) -> Message:
    """A round that was revealed, in which somebody objects and shares; the card of another, which is open."""
    card = await study.opened(question="dropout")
    form = modal(await study.bob.press(card, "Answer"))
    await study.bob.submit(form, {"text": SAID, "share": "with my name"})
    await study.revealed()
    await study.until(lambda: "I covered this" in card.labels)
    chain = (await study.bob.press(card, "I covered this")).reply
    assert chain is not None
    for words in ("Units", "The work"):
        await study.bob.press(
            chain, next(label for label in chain.labels if label.partition(". ")[2].startswith(words))
        )
    assert "Your objection is filed" in chain.words
    await study.at("10:00", 1)
    await study.until(lambda: len(study.cards) > 1)
    while await study.program.store.read(lambda tx: tx.deliveries.unfinished()):
        pass  # What is owed is recorded a moment after it has been sent.
    await study.handled()
    return study.cards[-1]


async def rounds(study: Workspace) -> list[Round]:
    return sorted(await study.program.bot.posted_rounds(), key=lambda one: one.opened_at)


def here(study: Workspace) -> ChannelId:
    return channel_id(study.team.id, study.channel.id)


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Workspace]:
    async with workspace(tmp_path) as study:
        yield study
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


async def orders(study: Workspace, channel: str, about: Member) -> list[Order]:
    """All that may be sent by buttons and forms to organize a channel; what is about a member is about this one."""
    first = (await rounds(study))[0]
    [shared] = await study.program.store.read(lambda tx: shared_in(tx, first.id))
    found = [Order(Press.REVIEW, f"{what} {channel}") for what in ("list", "o1", "f1")]
    found += [Order(Press.RULE, f"{what} {channel}") for what in ("grant o1", "decline o1", "2 o1", "0 f1", "undo r1")]
    found += [Order(Press.RESUME, f" {channel}"), Order(Press.REMOVE, f"{mark(shared)} {first.id}")]
    for command in ORGANIZERS:
        values = filled_in(command, member=f"@{about.id}")
        found.append(Order(Press.DO, f"{command.name} {channel}"))
        for press in (Press.DO, Press.RESUME, Press.TRY):
            found.append(Order(press, f"{line(command.name, values)} {channel}"))
        found.append(Order(command.name, channel, form=True, values=values))
    return found


async def given(study: Workspace, who: Member, order: Order, on: Message) -> str:
    """What somebody is told who gives an order, after a look at whether it is for them alone."""
    if order.form:
        return alone(await study.sends(who, order.press, order.about, order.values), who)
    return await asked(study.forged(who, order.press, order.about, on), who)


async def tried(study: Workspace, who: Member, ways: list[Order], on: Message) -> None:
    """Somebody tries all of these: each is refused in words for them alone, and nothing changes."""
    before = kept(study.database)
    assert ways
    for way in ways:
        told = await given(study, who, way, on)
        assert any(words in told for words in BY_RIGHTS), (way, told)
    assert kept(study.database) == before


# --- who organizes nothing ----------------------------------------------------------------------------------------


async def test_no_typed_command_of_organizers_is_carried_out_for_others(study: Workspace) -> None:
    async with study.running():
        card = await two_days(study)
        before = kept(study.database)
        for command in ORGANIZERS:
            said = line(command.name, filled_in(command, member=study.ada.mention))
            for told in (
                await study.says(study.bob, said),
                await study.says(study.bob, said, study.bob.dm),
                (await study.mentions(study.bob, said)).words,
                (await study.mentions(study.bob, said, card)).words,
            ):
                assert "for organizers" in told or "A drill needs a channel" in told, (said, told)
        assert kept(study.database) == before


async def test_no_button_and_no_form_organizes_anything_for_others(study: Workspace) -> None:
    async with study.running():
        card = await two_days(study)
        await tried(study, study.bob, await orders(study, here(study), study.ada), card)


async def test_ids_of_another_workspace_organize_nothing(study: Workspace) -> None:
    other = study.server.team("Other")
    lobby = other.channel("lobby")
    async with study.running():
        card = await two_days(study)
        foreign = [one for one in await orders(study, channel_id(other.id, lobby.id), study.ada)]
        await tried(study, study.ada, [one for one in foreign if one.press != Press.REMOVE], card)


async def test_an_admin_of_another_workspace_organizes_nothing_here(study: Workspace) -> None:
    other = study.server.team("Other")
    eve = other.user("eve", admin=True)
    lobby = other.channel("lobby")
    async with study.running():
        await two_days(study)
        before = kept(study.database)
        said = await eve.say(lobby, "hello")
        for order in await orders(study, here(study), study.ada):
            if order.form:
                told = alone(await study.sends(eve, order.press, order.about, order.values), eve)
            else:
                told = await asked(study.forged(eve, order.press, order.about, said), eve)
            assert "I work in another workspace" in told, (order, told)
        assert "I work in another workspace" in await study.says(eve, "pause", lobby)
        assert kept(study.database) == before


async def test_what_an_organizer_has_sent_does_nothing_when_a_member_sends_it_again(study: Workspace) -> None:
    async with study.running():
        card = await two_days(study)
        for said in ("pause 2027-01-07", "resume", f"bar {study.bob.mention}", f"bar {study.bob.mention}", "skip next"):
            await study.says(study.ada, said)
        await study.ada.submit(await study.setup_form(), {"Time": "11:00"})
        await asked(study.forged(study.ada, "do", f"review {here(study)}", card), study.ada)
        await asked(study.forged(study.ada, "do", f"pause {here(study)}", card), study.ada)
        await study.handled()
        sent = [one for one in study.server.deliveries.all if not one.is_event and by(one.payload) == study.ada.id]
        assert len(sent) >= 9
        before = kept(study.database)
        for one in sent:
            for trigger in (one.payload["trigger_id"], f"{one.payload['trigger_id']}1"):
                theirs = {"id": study.bob.id, "username": "bob", "name": "bob", "team_id": study.team.id}
                user = {"user": theirs} if "user" in one.payload else {"user_id": study.bob.id, "user_name": "bob"}
                payload = {**one.payload, **user, "trigger_id": trigger}
                payload.pop("response_url", None)
                study.server.deliveries.add(Delivery(one.kind, payload, one.team))
            await study.handled()
            assert kept(study.database) == before, one.payload


def by(payload: Json) -> str:
    return str(payload.get("user_id") or payload["user"]["id"])


async def test_all_of_that_is_carried_out_for_an_organizer(study: Workspace) -> None:
    async with study.running():
        card = await two_days(study)
        ways = await orders(study, here(study), study.bob)
        first = [way for way in ways if way.press in (Press.RULE, Press.REMOVE)]
        changed = set()
        for way in (*first, *ways):
            before = kept(study.database)
            told = await given(study, study.ada, way, card)
            assert not any(words in told for words in BY_RIGHTS), (way, told)
            if kept(study.database) != before:
                changed.add(f"{'form' if way.form else 'button'} {way.press} {way.about}")
        for begins in ("rule grant", "remove", "do bar", "resume bar", "try award"):
            assert any(name.startswith(f"button {begins}") for name in changed), begins
        for name in ("bar", "award"):
            assert f"form {name} {here(study)}" in changed, name


# --- what nobody should send --------------------------------------------------------------------------------------


async def recorded(study: Workspace) -> list[Delivery]:
    """What Slack has sent in two days on which people do all that they can do with the bot."""
    card = await two_days(study)
    await study.says(study.ada, f"award {study.bob.mention} 2 well said")
    form = await study.setup_form()
    assert await study.ada.suggest(form, "Time zone", "kolkata")
    await study.ada.submit(form, {"Reveal": "soon"})
    await asked(study.forged(study.ada, "do", f"award {here(study)}", card), study.ada)
    await study.ada.submit(modal_of(study.ada), {"member": [study.bob.id], "points": "1", "reason": "why not"})
    said = await study.bob.say(study.channel, SAID, thread=card)
    await asked(study.bob.shortcut(said, SUBMIT), study.bob)
    await study.bob.shortcut(said, HERE)
    await study.bob.edit(said, f"{SAID} And more.")
    await study.bob.say(study.bob.dm, "hello")
    await study.mentions(study.bob, "when", card)
    await study.bob.press(card, "Hint")
    await study.bob.open_home()
    await study.bob.delete(await study.bob.say(study.channel, "gone soon", thread=card))
    await study.handled()
    return list(study.server.deliveries.all)


def modal_of(who: Member) -> View:
    assert who.modal is not None
    return who.modal


def words(study: Workspace, known: list[Round]) -> list[str]:
    """Words that the bot understands, some of them where they do not belong."""
    ids = [
        *(round_.id for round_ in known),
        here(study),
        f"slack:{study.team.id}/@{study.bob.id}",
        "slack:T/..",
        "x:y/z",
    ]
    names = [
        *BY_NAME,
        *Press,
        "o1",
        "grant o1",
        "undo r1",
        "list",
        "",
        *(f"nn.{name}" for name in (*BY_NAME, "answer")),
    ]
    about = [f"{what} {id_}" for what in ("setup", "doctor", "o1", "list", "grant o1", "") for id_ in ids]
    kinds = ["message", "message_changed", "message_deleted", "tombstone", "bot_message", "channel_join", "app_mention"]
    more = ["block_actions", "view_submission", "events_api", "channel_archive", "member_joined_channel", "im", "home"]
    return [*ids, *names, *about, *kinds, *more, study.channel.id, study.bob.id, study.ada.mention, "modal", "1.000001"]


async def test_whatever_stands_in_what_is_sent_it_breaks_nothing(
    study: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        seen = await recorded(study)
        kinds = {one.kind if one.kind != "interactive" else str(one.payload["type"]) for one in seen}
        assert kinds >= {"slash_commands", "block_actions", "view_submission", "block_suggestion", "message_action"}
        assert kinds >= {"events_api"}
        assert all(sound(one.payload) for one in seen)
        mangler = Mangler(8, words(study, await rounds(study)))
        for number in range(300):
            one = mangler.choice(seen)
            payload = mangler.mangled(one.payload)
            study.server.deliveries.add(Delivery(one.kind, payload, one.team))
            if number % 50 == 49:
                await study.handled()
        assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
        assert study.server.sockets.opened == 1
        assert "What you can say here" in await study.says(study.bob, "help")
