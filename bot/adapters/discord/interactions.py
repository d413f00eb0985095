"""Commands, buttons, forms and menus of Discord: read from the interaction, carried out by the study bot, answered.

Each is read from its payload, and what it is about from the database. So buttons and forms survive a restart, and
nothing of ours waits in discord.py's memory, which knows forms by their custom id alone and would mix members up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import discord
from structlog.contextvars import bound_contextvars

from bot.adapters.discord import commands, failures, forms
from bot.adapters.discord.attachments import Draw, Outgoing, all_outgoing, taken
from bot.adapters.discord.checkup import NO_INTENT, SWITCH_ON, TEXT_CHANNEL
from bot.adapters.discord.ids import channel_id, channel_of, group_id, guild_of, is_channel, member_id, role_id
from bot.adapters.discord.messenger import view_of
from bot.adapters.discord.rights import FOR_NOTES, NEEDED, SERVED, rights_lacking
from bot.core import asking, rounds
from bot.core.answering import Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Card, Press, Tone
from bot.core.checkup import Access, ChannelSeen, Lack
from bot.core.commands import BY_NAME, Misread, Takes, line
from bot.core.model import Bank, ChannelId, Place, RoundId, Told, group_of, platform_of
from bot.core.schedule import zone_names
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

AT_ONCE: Final = 2.0
"""Seconds that a reply may take before the interaction is deferred; Discord waits for 3."""

SHOWN_ONCE: Final = (
    "Discord shows them /nnquestion-admin once it is allowed for them or for their role, under Server Settings >"
    " Integrations > nnquestion."
)

_A_STEP: Final = frozenset(
    {
        Press.CHECK,
        Press.OBJECT,
        Press.CONSENT,
        Press.REVIEW,
        Press.RULE,
        Press.RESUME,
        Press.NAMING,
        Press.ANSWERS,
        Press.FORGET,
    }
)
"""Buttons of private cards whose reply takes the card's place, so that a chain of them stays one message."""

_ABOUT_NO_PLACE: Final = frozenset({Press.NAMING, Press.CONSENT, Press.FORGET})
"""Buttons that mean the server in which they are pressed; in direct messages they have to name a channel of it."""


class Interactions:
    """What members ask for, and what each is told in private."""

    def __init__(
        self,
        bot: StudyBot,
        clock: Callable[[], datetime],
        banks: Callable[[], Mapping[str, Bank]],
        *,
        draw: Draw,
        marked: Callable[[Told], None],
        acknowledged: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`marked` is told what counts now, and what does not any more; `acknowledged`, after how many seconds
        Discord had an interaction's first answer.
        """
        self._bot = bot
        self._clock = clock
        self._banks = banks
        self._draw = draw
        self._marked = marked
        self._acknowledged = acknowledged

    async def take(self, interaction: discord.Interaction) -> None:
        """Carry out one interaction, and answer it in time."""
        with bound_contextvars(**_about(interaction)):
            await self._take(interaction)

    async def _take(self, interaction: discord.Interaction) -> None:
        data: Mapping[str, Any] = interaction.data or {}
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                said = self._timed()
                await self._complete(interaction, data)
                said()
            else:
                await _reply(interaction, self._answer(interaction, data), self._draw, said=self._timed())
        except _Elsewhere:
            log.info("an interaction is answered by another copy, or has been here")
        except discord.HTTPException as error:
            if not (failures.too_late(error) or failures.answered_already(error)):
                raise
            log.info("an interaction was answered too late, or by another copy (%s)", failures.in_words(error))

    def _timed(self) -> Callable[[], None]:
        """What is to be called once an interaction that has just come has its first answer; again, it does nothing."""
        loop = asyncio.get_running_loop()
        came: float | None = loop.time()

        def said() -> None:
            nonlocal came
            if came is not None:
                self._acknowledged(loop.time() - came)
                came = None

        return said

    async def _answer(self, interaction: discord.Interaction, data: Mapping[str, Any]) -> Card | _Modal:
        if not await self._bot.first_to_hear(_id(interaction), self._clock()):
            raise _Elsewhere
        custom = _custom(data)
        if interaction.guild_id is None:
            return await self._directly(interaction, data, custom)
        asker = asker_of(interaction)
        match interaction.type:
            case discord.InteractionType.application_command if "target_id" in data:
                return await self._submit(interaction, asker, data)
            case discord.InteractionType.application_command:
                return await self._command(interaction, asker, data)
            case discord.InteractionType.modal_submit:
                return await self._form(interaction, asker, data)
        return await self._press(interaction, asker, custom)

    # --- commands ---------------------------------------------------------------------------------------------

    async def _command(self, interaction: discord.Interaction, asker: Asker, data: Mapping[str, Any]) -> Card | _Modal:
        try:
            with _reading():
                text = commands.read(data, channels=_channels(interaction))
        except Misread as misread:
            return asking.refused(str(misread))
        match text.partition(" ")[0]:
            case "setup":
                return await self._set_up(interaction, asker, text)
            case "doctor":
                asker = await self._examined(interaction, asker, asker.channel)
        return await self._carry_out(interaction, asker, text)

    async def _set_up(self, interaction: discord.Interaction, asker: Asker, text: str) -> Card | _Modal:
        if why := _unfit(interaction, asker.channel):
            return asking.refused(why)
        if text == "setup" and asker.organizer and await self._bot.drill_in(asker.channel) is None:
            return _Modal(forms.setup_form(asker.channel, None, str(interaction.locale)))
        return await self._carry_out(interaction, replace(asker, hidden_until=SHOWN_ONCE), text)

    async def _carry_out(self, interaction: discord.Interaction, asker: Asker, text: str) -> Card:
        try:
            with _reading():
                named = commands.named(text, interaction.data or {})
        except Misread as misread:
            return asking.refused(str(misread))
        if named and await self._bot.may_organize(asker, asker.channel):
            group = guild_of(asker.group)
            await self._bot.met({member_id(group, number): name for number, name in named.items()})
        return await self._bot.command(asker, text, id=_id(interaction), now=self._clock())

    async def _examined(self, interaction: discord.Interaction, asker: Asker, about: ChannelId) -> Asker:
        """Whoever says `doctor`, with what Discord tells of a channel, of its place for notes, and of the app."""
        if group_of(about) != asker.group or not is_channel(about):
            return asker
        drill = await self._bot.drill_in(about)
        places = dict.fromkeys([about, *([rounds.notes_of(drill)] if drill is not None else [])])
        seen = tuple(_seen(interaction, place, NEEDED if place == about else FOR_NOTES) for place in places)
        reads = interaction.client.intents.message_content
        lack = Lack(what="Message Content intent", means=NO_INTENT, remedy=SWITCH_ON, needed=False)
        return replace(asker, seen=seen, lacks=() if reads else (lack,))

    async def _complete(self, interaction: discord.Interaction, data: Mapping[str, Any]) -> None:
        try:
            with _reading():
                option, typed = commands.focused(data)
        except _Misshapen:
            log.info("an interaction has not the shape that it should have")
            option, typed = None, ""
        found = commands.suggestions(option, typed, banks=self._banks(), zones=zone_names()) if option else []
        choices = [discord.app_commands.Choice(name=name, value=value) for name, value in found]
        await interaction.response.autocomplete(choices)

    # --- buttons and forms ------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction, asker: Asker, custom: Sequence[str]) -> Card | _Modal:
        match custom:
            case ["nn", Press.ANSWER, about]:
                return await self._answer_form(asker, RoundId(about))
            case ["nn", Press.DO, about] if (form := await self._command_form(interaction, asker, about)) is not None:
                return form
            case ["nn", press, about] if press in list(Press):
                if press == Press.DO and about.startswith("doctor "):
                    asker = await self._examined(interaction, asker, ChannelId(about.removeprefix("doctor ")))
                return await self._bot.press(asker, Press(press), about, id=_id(interaction), now=self._clock())
        return _NOTHING

    async def _command_form(self, interaction: discord.Interaction, asker: Asker, about: str) -> _Modal | None:
        """The form for an organizer's command that needs more than a press; None for one that does not."""
        name, _, channel = about.partition(" ")
        there = ChannelId(channel)
        ours = is_channel(there) and group_of(there) == asker.group
        if not ours or name not in BY_NAME or not await self._bot.may_organize(asker, there):
            return None
        if name == "setup":
            return _Modal(forms.setup_form(there, await self._bot.drill_in(there), str(interaction.locale)))
        needs_more = any(option.required or option.takes is Takes.MEMBER for option in BY_NAME[name].options)
        return _Modal(forms.command_form(BY_NAME[name], there)) if needs_more else None

    async def _directly(
        self, interaction: discord.Interaction, data: Mapping[str, Any], custom: Sequence[str]
    ) -> Card | _Modal:
        """A button or a form in direct messages: it is about a channel, and so are the rights of whoever uses it."""
        form = _sent(data) if interaction.type is discord.InteractionType.modal_submit else None
        match custom:
            case _ if form is not None and form.what == forms.ANSWER:
                channel = await self._channel_about(form.about)
            case ["nn", press, about] if press in list(Press):
                channel = await self._channel_about(about)
            case _:
                channel = None
        if channel is None:
            return _NOTHING
        try:
            member = await member_in(interaction.client, guild_of(channel), interaction.user.id)
        except failures.TROUBLE as error:  # Without knowing what they may do there, nothing is done for them.
            log.info("no telling who %s is in %s (%s)", interaction.user.id, channel, failures.in_words(error))
            return _UNKNOWN
        if member is None:
            return asking.refused(STRANGER)
        manages = member.guild_permissions.manage_guild
        asker = _asker(member.guild.id, member, Place(channel=channel), organizer=manages)
        if form is not None:
            return named_here(await self._sent_answer(interaction, asker, form), channel)
        _, press, about = custom
        if press in _ABOUT_NO_PLACE:
            about = about.rpartition(" ")[0]
        if press == Press.ANSWER:
            return await self._answer_form(asker, RoundId(about))
        card = await self._bot.press(asker, Press(press), about, id=_id(interaction), now=self._clock())
        return named_here(card, channel)

    async def _channel_about(self, about: str) -> ChannelId | None:
        """The channel that a button or a form names last, or the one of the round that it names."""
        last = about.rpartition(" ")[2]
        if is_channel(last):
            return ChannelId(last)
        round_ = await self._bot.round(RoundId(last))
        return round_.channel if round_ is not None and platform_of(round_.channel) == "discord" else None

    async def _answer_form(self, asker: Asker, round_id: RoundId) -> Card | _Modal:
        about = await self._bot.answer_form(asker, round_id)
        if isinstance(about, Card):
            return about
        round_, given = about
        if given is None:
            return _Modal(forms.answer_form(round_))
        return _Modal(forms.answer_form(round_, given.text, given.share))

    async def _form(self, interaction: discord.Interaction, asker: Asker, data: Mapping[str, Any]) -> Card | _Modal:
        sent = _sent(data)
        match sent.what:
            case command if command in BY_NAME:
                there = replace(asker, place=Place(channel=ChannelId(sent.about)))
                if there.group != asker.group or not is_channel(there.channel):
                    return _NOTHING
                try:
                    rest = forms.read_rest(sent.values.get(forms.REST, ""))
                    own = {name: value for name, value in sent.values.items() if name != forms.REST}
                    text = line(command, commands.as_meant({**rest, **own}, _channels(interaction)))
                except Misread as misread:
                    return asking.refused(str(misread))
                carry_out = self._set_up if command == "setup" else self._carry_out
                return await carry_out(interaction, there, text)
            case forms.ANSWER:
                return await self._sent_answer(interaction, asker, sent)
        return _NOTHING

    async def _sent_answer(self, interaction: discord.Interaction, asker: Asker, sent: forms.Form) -> Card:
        form = Form(
            round=RoundId(sent.about),
            interaction=str(interaction.id),
            member=asker.member,
            name=asker.name,
            text=sent.values.get("text", ""),
            at=interaction.created_at,
            share=forms.share_of(sent),
        )
        return await self._receipt(form)

    async def _submit(self, interaction: discord.Interaction, asker: Asker, data: Mapping[str, Any]) -> Card:
        with _reading():
            message = data["resolved"]["messages"][data["target_id"]]
            edited = message.get("edited_timestamp")
            said = Said(
                place=asker.place,
                message=str(int(message["id"])),
                member=member_id(guild_of(asker.group), int(message["author"]["id"])),
                name=asker.name,
                text=str(message["content"]),
                said_at=discord.utils.snowflake_time(int(message["id"])),
                edited_at=datetime.fromisoformat(edited) if edited else None,
            )
        submitted = Submitted(said=said, by=asker.member, interaction=str(interaction.id), at=interaction.created_at)
        return await self._receipt(submitted)

    async def _receipt(self, happened: Form | Submitted) -> Card:
        told, card = await self._bot.answer_in_private(happened, self._clock())
        self._marked(told)
        return card


# --- replies ------------------------------------------------------------------------------------------------

_NOTHING: Final = asking.refused("This no longer does anything.")
_BROKEN: Final = asking.refused("Something went wrong here, and this may not have been kept. Please try again.")
_NO_FILES: Final = asking.refused("Discord does not take the files. Whoever runs me can hand them over.")
_UNKNOWN: Final = asking.refused("Discord does not tell me just now who you are there. Please try again in a minute.")
STRANGER: Final = "You and I are no longer in one server there."
_SLOW: Final = asking.refused("That took me too long to open a form for you. Please try once more.")


class _Elsewhere(Exception):
    """Another copy of the program has heard of an interaction before, and answers it."""


class _Misshapen(Exception):
    """What came has not the shape of what Discord sends."""


@contextmanager
def _reading() -> Iterator[None]:
    """Read what Discord has sent, and do nothing else. Raises _Misshapen where it has another shape than it should."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _Misshapen from error


def _sent(data: Mapping[str, Any]) -> forms.Form:
    """A form that was sent. Raises _Misshapen."""
    with _reading():
        return forms.read_form(data)


class _Modal:
    """A form as a payload. discord.py asks for no more of one that it need not keep."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._payload = payload

    def to_dict(self) -> dict[str, Any]:
        return self._payload

    def is_finished(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _Reply:
    """A card as the messages that its reader gets."""

    messages: Sequence[Outgoing]
    refuses: bool


async def _reply(
    interaction: discord.Interaction, work: Awaitable[Card | _Modal], draw: Draw, said: Callable[[], None]
) -> None:
    """Answer an interaction in private: at once, or, where that takes long, after a sign that it is worked on.

    A form can only be opened at once. The reply to a step takes the place of the card with its button, unless it is a
    refusal, after which another button of that card may be wanted.
    """
    step = _is_step(interaction)
    task = asyncio.ensure_future(_finished(interaction, work, draw))
    done, _ = await asyncio.wait({task}, timeout=AT_ONCE)
    try:
        if not done:
            with _said_nothing_back():
                # Thinking is a message of its own, which would have to become the answer: a step goes without.
                await interaction.response.defer(ephemeral=True, thinking=not step)
            said()
    finally:
        answer = await task  # Also where nobody waits for the answer any more: what was asked for is done.
    if isinstance(answer, _Modal):
        if done:
            with _said_nothing_back():
                await interaction.response.send_modal(answer)  # type: ignore[arg-type]
            said()
            return
        answer = _Reply(await all_outgoing(_SLOW, draw), refuses=True)
    messages = answer.messages
    replaces = step and not answer.refuses and len(messages) == 1
    if replaces and await _replaced(interaction, messages[0], at_once=bool(done)):
        said()
        return
    refused = False
    for number, message in enumerate(messages):
        if number > 0 or (step and not done):
            post = partial(_follow_up, interaction)
        elif done:
            post = partial(_respond, interaction)
        else:
            post = partial(_fill_in, interaction)
        _, whole = await taken(message, post)
        said()
        refused = refused or whole.files != message.files
    if refused:
        [says] = await all_outgoing(_NO_FILES, draw)
        await _follow_up(interaction, says)


async def _respond(interaction: discord.Interaction, one: Outgoing) -> None:
    view = view_of(one.message.buttons)
    with _said_nothing_back():
        await interaction.response.send_message(embed=one.embed, files=one.attached, view=view, ephemeral=True)


async def _follow_up(interaction: discord.Interaction, one: Outgoing) -> None:
    view = view_of(one.message.buttons)
    await interaction.followup.send(embed=one.embed, files=one.attached, view=view, ephemeral=True)


async def _fill_in(interaction: discord.Interaction, one: Outgoing) -> None:
    view = view_of(one.message.buttons)
    await interaction.edit_original_response(embed=one.embed, attachments=one.attached, view=view)


async def _put_in_place(interaction: discord.Interaction, one: Outgoing) -> None:
    view = view_of(one.message.buttons)
    with _said_nothing_back():
        await interaction.response.edit_message(embed=one.embed, attachments=one.attached, view=view)


async def _replaced(interaction: discord.Interaction, message: Outgoing, *, at_once: bool) -> bool:
    """Whether this stands in place of the private card whose button was pressed; not if that is gone meanwhile."""
    try:
        await taken(message, partial(_put_in_place if at_once else _fill_in, interaction))
    except discord.NotFound as error:
        if not failures.gone(error):
            raise
        return False
    return True


def _is_step(interaction: discord.Interaction) -> bool:
    """Whether this is a step of a chain of private cards: what stands for all to see is never replaced.

    Nor is a receipt that asks how boards show its author and offers Check now, too, which would be gone.
    """
    match _custom(interaction.data or {}):
        case ["nn", press, _] if press in _A_STEP:
            message = interaction.message
            if message is None or not message.flags.ephemeral:
                return False
            return press != Press.NAMING or all(shown == Press.NAMING for shown in _presses(message))
    return False


def _about(interaction: discord.Interaction) -> dict[str, str]:
    """The keys under which the log names where something was done."""
    if interaction.guild_id is None:
        return {}
    said = {"group": str(group_id(interaction.guild_id))}
    channel = interaction.channel_id
    return said | {"channel": channel_id(interaction.guild_id, channel)} if channel is not None else said


def _presses(message: discord.Message) -> list[str]:
    """What the buttons below a message do."""
    rows = (row.children for row in message.components if isinstance(row, discord.ActionRow))
    customs = [_custom({"custom_id": item.custom_id}) for row in rows for item in row]
    return [custom[1] for custom in customs if len(custom) > 1]


def _custom(data: Mapping[str, Any]) -> Sequence[str]:
    """What a button carries: `nn`, what it does, and what about."""
    return str(data.get("custom_id", "")).split(":", 2)


@contextmanager
def _said_nothing_back() -> Iterator[None]:
    """Bear an answer without a body to an interaction's first response: discord.py trips on it, after all is done."""
    try:
        yield
    except TypeError as error:
        log.info("Discord said nothing of what it made of a reply (%s)", error)


async def _finished(interaction: discord.Interaction, work: Awaitable[Card | _Modal], draw: Draw) -> _Reply | _Modal:
    try:
        answer = await work
    except _Elsewhere:
        raise
    except _Misshapen:
        log.info("an interaction has not the shape that it should have")
        answer = _NOTHING
    except Exception:
        log.exception("interaction %s failed", interaction.id)
        answer = _BROKEN
    if isinstance(answer, _Modal):
        return answer
    return _Reply(await all_outgoing(answer, draw), answer.tone is Tone.TROUBLE)


def named_here(card: Card, channel: ChannelId) -> Card:
    """A card for direct messages, where a button that means the server it is pressed in has to name it."""
    buttons = (
        replace(button, about=f"{button.about} {channel}") if button.press in _ABOUT_NO_PLACE else button
        for button in card.buttons
    )
    return replace(card, buttons=tuple(buttons))


async def member_in(client: discord.Client, guild: int, user: int) -> discord.Member | None:
    """A person in a server, with the rights they have there; None where they, or the bot, are not in it."""
    known = client.get_guild(guild)
    try:
        return await known.fetch_member(user) if known is not None else None
    except discord.NotFound:
        return None


def _id(interaction: discord.Interaction) -> str:
    return f"discord:{interaction.id}"


def asker_of(interaction: discord.Interaction) -> Asker:
    """Who did it, where in a server, with which rights."""
    guild = interaction.guild_id
    assert guild is not None
    channel = _channel(interaction)
    if isinstance(channel, discord.Thread):
        place = Place(channel=channel_id(guild, channel.parent_id), thread=str(channel.id))
    else:
        place = Place(channel=channel_id(guild, int(interaction.channel_id or 0)))
    return _asker(guild, interaction.user, place, organizer=_manages(interaction))


def _channels(interaction: discord.Interaction) -> set[int]:
    """The numbers of the server's channels."""
    return {channel.id for channel in interaction.guild.channels} if interaction.guild is not None else set()


def _channel(interaction: discord.Interaction) -> Any:
    """Where it happened: as the payload says, else as it is known."""
    guild, number = interaction.guild, interaction.channel_id
    if interaction.channel is not None or guild is None or number is None:
        return interaction.channel
    return guild.get_channel_or_thread(number)


def _manages(interaction: discord.Interaction) -> bool:
    """Whether somebody manages the server. Owners and administrators do, whatever else they are granted."""
    user, guild, rights = interaction.user, interaction.guild, interaction.permissions
    if not rights.value and isinstance(user, discord.Member):
        rights = user.guild_permissions
    return rights.manage_guild or rights.administrator or (guild is not None and guild.owner_id == user.id)


def _asker(guild: int, user: discord.User | discord.Member, place: Place, *, organizer: bool) -> Asker:
    roles = user.roles if isinstance(user, discord.Member) else []
    return Asker(
        member=member_id(guild, user.id),
        name=user.display_name,
        place=place,
        organizer=organizer,
        roles=frozenset(role_id(guild, role.id) for role in roles),
    )


def _rights(interaction: discord.Interaction, about: ChannelId) -> tuple[Any, discord.Permissions, bool]:
    """A channel as it is known, what the bot may do there, and whether it is another than that of the interaction."""
    channel = _channel(interaction)
    rights = interaction.app_permissions
    elsewhere = channel_of(about) != interaction.channel_id and not isinstance(channel, discord.Thread)
    if elsewhere and interaction.guild is not None:  # From the buttons in the place for notes.
        channel = interaction.guild.get_channel(channel_of(about))
    known = interaction.guild is not None and interaction.guild.me is not None and hasattr(channel, "permissions_for")
    if known and (elsewhere or not rights.value):
        rights = channel.permissions_for(interaction.guild.me)  # type: ignore[union-attr]
    return channel, rights, elsewhere


def _seen(interaction: discord.Interaction, about: ChannelId, needed: discord.Permissions) -> ChannelSeen:
    """A channel for `doctor`, which may have been said elsewhere, such as in a thread of it."""
    guild, number = interaction.guild, channel_of(about)
    channel: Any = guild.get_channel(number) if guild is not None else None
    if number == interaction.channel_id:
        channel, rights, _ = _rights(interaction, about)
    elif channel is not None and guild is not None and guild.me is not None:
        rights = channel.permissions_for(guild.me)
    else:
        rights = discord.Permissions.none()
    if channel is None:
        return ChannelSeen(channel=about, access=Access.GONE)
    name = f"#{channel.name}"
    if needed is NEEDED and channel.type not in SERVED:
        return ChannelSeen(channel=about, access=Access.UNFIT, name=name, remedy=TEXT_CHANNEL)
    return ChannelSeen(channel=about, access=Access.THERE, name=name, lacking=rights_lacking(rights, needed))


def _unfit(interaction: discord.Interaction, about: ChannelId) -> str:
    """Why a channel cannot have a drill; empty where it can."""
    channel, rights, elsewhere = _rights(interaction, about)
    kind = channel.type if channel is not None else None
    if kind not in SERVED:
        return "A drill needs a text or announcement channel; say this there, not in a thread, forum or voice channel."
    if lacking := rights_lacking(rights):
        where = f"#{channel.name}" if elsewhere else "this channel"
        return f"I lack rights in {where}: {', '.join(lacking)}. Grant them to my role, and say this again."
    return ""
