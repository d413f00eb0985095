"""Commands, buttons, forms and menus of Discord: read from the interaction, carried out by the study bot, answered.

Each is read from its payload, and what it is about from the database. So buttons and forms survive a restart, and
nothing of ours waits in discord.py's memory, which knows forms by their custom id alone and would mix members up.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import discord

from bot.adapters.discord import commands, failures, forms
from bot.adapters.discord.ids import channel_id, member_id, role_id
from bot.adapters.discord.messenger import view_of
from bot.adapters.discord.render import render
from bot.core import asking, notices
from bot.core.answering import Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Block, Card, Line, Press, Prose, Words
from bot.core.commands import BY_NAME, Misread, Who
from bot.core.model import Bank, Place, RoundId, RoundState, Share, Told
from bot.core.schedule import zone_names
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

AT_ONCE: Final = 2.0
"""Seconds that a reply may take before the interaction is deferred; Discord waits for 3."""

NEEDED: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    create_public_threads=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
    add_reactions=True,
)
"""What the bot needs in a channel with a drill."""

_SERVED: Final = (discord.ChannelType.text, discord.ChannelType.news)
_NOT_ANSWERED: Final = (RoundState.CANCELLED, RoundState.SKIPPED)
_FOR_ORGANIZERS: Final = "|".join(name for name, command in BY_NAME.items() if command.who is Who.ORGANIZER)
_ADMIN: Final = re.compile(rf"/nnquestion (?=(?:{_FOR_ORGANIZERS})\b)")
"""Discord shows or hides whole commands, so the organizers' words stand below one of their own there."""


class Interactions:
    """What members ask for, and what each is told in private."""

    def __init__(
        self,
        bot: StudyBot,
        clock: Callable[[], datetime],
        banks: Callable[[], Mapping[str, Bank]],
        *,
        marked: Callable[[Told], None],
    ) -> None:
        """`marked` is told what counts now, and what does not any more."""
        self._bot = bot
        self._clock = clock
        self._banks = banks
        self._marked = marked

    async def take(self, interaction: discord.Interaction) -> None:
        """Carry out one interaction, and answer it in time."""
        if interaction.guild_id is None or interaction.channel_id is None:
            return
        try:
            await self._take(interaction, asker_of(interaction))
        except discord.HTTPException as error:
            if not (failures.too_late(error) or failures.answered_already(error)):
                raise
            log.info("an interaction was answered too late, or by another copy (%s)", failures.in_words(error))

    async def _take(self, interaction: discord.Interaction, asker: Asker) -> None:
        data: Mapping[str, Any] = interaction.data or {}
        custom = str(data.get("custom_id", "")).split(":", 3)
        match interaction.type:
            case discord.InteractionType.application_command if data.get("type", 1) == 3:
                await self._submit(interaction, asker, data)
            case discord.InteractionType.application_command:
                await self._command(interaction, asker, data)
            case discord.InteractionType.autocomplete:
                await self._complete(interaction, data)
            case discord.InteractionType.component if custom[0] == "nn":
                await self._press(interaction, asker, custom)
            case discord.InteractionType.modal_submit if custom[:2] == ["nn", "form"]:
                await self._form(interaction, asker, data)

    # --- commands ---------------------------------------------------------------------------------------------

    async def _command(self, interaction: discord.Interaction, asker: Asker, data: Mapping[str, Any]) -> None:
        guild = interaction.guild
        channels = {channel.id for channel in guild.channels} if guild is not None else set[int]()
        try:
            text = commands.read(data, channels=channels)
        except Misread as misread:
            await self._reply(interaction, _said(asking.refused(str(misread))))
            return
        name = text.partition(" ")[0]
        if name == "setup":
            if why := _unfit(interaction):
                await self._reply(interaction, _said(asking.refused(why)))
                return
            if text == name and asker.organizer and await self._bot.drill_in(asker.channel) is None:
                await _open(interaction, forms.setup_form(asker.channel, None, str(interaction.locale)))
                return
        await self._reply(interaction, self._carry_out(interaction, asker, text))

    async def _carry_out(self, interaction: discord.Interaction, asker: Asker, text: str) -> Card:
        return await self._bot.command(asker, text, id=f"discord:{interaction.id}", now=self._clock())

    async def _complete(self, interaction: discord.Interaction, data: Mapping[str, Any]) -> None:
        option, typed = commands.focused(data)
        found = commands.suggestions(option, typed, banks=self._banks(), zones=zone_names()) if option else []
        choices = [discord.app_commands.Choice(name=name, value=value) for name, value in found]
        await interaction.response.autocomplete(choices)

    # --- buttons and forms ------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction, asker: Asker, custom: list[str]) -> None:
        press, about = custom[1], ":".join(custom[2:])
        if press == Press.ANSWER:
            await self._answer_form(interaction, asker, RoundId(about))
        elif press in list(Press):
            work = self._bot.press(asker, Press(press), about, id=f"discord:{interaction.id}", now=self._clock())
            await self._reply(interaction, work)
        else:
            await self._reply(interaction, _said(asking.refused("This button no longer does anything.")))

    async def _answer_form(self, interaction: discord.Interaction, asker: Asker, round_id: RoundId) -> None:
        round_ = await self._bot.round(round_id)
        if round_ is None or round_.group != asker.group or round_.state in _NOT_ANSWERED:
            await self._reply(interaction, _said(asking.refused("There is no open round behind this button.")))
            return
        given = await self._bot.own_answer(round_id, asker.member)
        draft, share = (given.text, given.share) if given is not None else ("", Share.NO)
        await _open(interaction, forms.answer_form(round_, draft, share=share))

    async def _form(self, interaction: discord.Interaction, asker: Asker, data: Mapping[str, Any]) -> None:
        sent = forms.read_form(data)
        if sent.what == "setup":
            text = commands.line("setup", sent.values)
            await self._reply(interaction, self._carry_out(interaction, asker, text))
            return
        form = Form(
            round=RoundId(sent.about),
            interaction=str(interaction.id),
            member=asker.member,
            name=asker.name,
            text=sent.values.get("text", ""),
            at=interaction.created_at,
            share=Share(sent.values.get("share", Share.NO)),
        )
        await self._reply(interaction, self._receipt(form))

    async def _submit(self, interaction: discord.Interaction, asker: Asker, data: Mapping[str, Any]) -> None:
        message = data["resolved"]["messages"][data["target_id"]]
        guild = interaction.guild_id
        assert guild is not None
        edited = message.get("edited_timestamp")
        said = Said(
            place=asker.place,
            message=str(message["id"]),
            member=member_id(guild, int(message["author"]["id"])),
            name=asker.name,
            text=message["content"],
            said_at=discord.utils.snowflake_time(int(message["id"])),
            edited_at=datetime.fromisoformat(edited) if edited else None,
        )
        submitted = Submitted(said=said, by=asker.member, interaction=str(interaction.id), at=interaction.created_at)
        await self._reply(interaction, self._receipt(submitted))

    async def _receipt(self, happened: Form | Submitted) -> Card:
        told = await self._bot.answer(happened, self._clock())
        self._marked(told)
        return Card(title="Your answer", body=(Line((Words(notices.told(told) or "Not counted."),)),))

    # --- replies ----------------------------------------------------------------------------------------------

    async def _reply(self, interaction: discord.Interaction, work: Awaitable[Card]) -> None:
        """Answer an interaction in private: at once, or, where that takes long, after a sign that it is worked on."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({task}, timeout=AT_ONCE)
        if not done:
            await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            card = await task
        except Exception:
            log.exception("interaction %s failed", interaction.id)
            card = asking.refused("Something went wrong here. Nothing was lost; please try again.")
        for number, message in enumerate(render(for_discord(card))):
            embed, view = discord.Embed.from_dict(dict(message.embed)), view_of(message.buttons)
            if number == 0 and not interaction.response.is_done():
                await interaction.response.send_message(embed=embed, view=view, ephemeral=True)
            elif number == 0:
                await interaction.edit_original_response(embed=embed, view=view)
            else:
                await interaction.followup.send(embed=embed, view=view, ephemeral=True)


def asker_of(interaction: discord.Interaction) -> Asker:
    """Who did it, where, with which rights."""
    guild, user = interaction.guild_id, interaction.user
    assert guild is not None
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        place = Place(channel=channel_id(guild, channel.parent_id), thread=str(channel.id))
    else:
        place = Place(channel=channel_id(guild, int(interaction.channel_id or 0)))
    roles = user.roles if isinstance(user, discord.Member) else []
    return Asker(
        member=member_id(guild, user.id),
        name=user.display_name,
        place=place,
        organizer=interaction.permissions.manage_guild,
        roles=frozenset(role_id(guild, role.id) for role in roles),
    )


def for_discord(card: Card) -> Card:
    """The card, with the organizers' commands as they are called here."""

    def said(block: Block) -> Block:
        match block:
            case Line():
                spans = tuple(
                    replace(span, text=_ADMIN.sub("/nnquestion-admin ", span.text)) if isinstance(span, Words) else span
                    for span in block.spans
                )
                return replace(block, spans=spans)
            case Prose():
                return Prose(_ADMIN.sub("/nnquestion-admin ", block.markdown))
        return block

    return replace(card, title=_ADMIN.sub("/nnquestion-admin ", card.title), body=tuple(said(b) for b in card.body))


def _unfit(interaction: discord.Interaction) -> str:
    """Why a channel cannot have a drill; empty where it can."""
    channel = interaction.channel
    kind = channel.type if channel is not None else None
    if kind not in _SERVED:
        return "A drill needs a text or announcement channel; say this there, not in a thread, forum or voice channel."
    lacking = [name for name, on in NEEDED if on and not getattr(interaction.app_permissions, name)]
    if lacking:
        names = ", ".join(name.replace("_", " ").capitalize() for name in lacking)
        return f"I lack rights in this channel: {names}. Grant them to my role, and say this again."
    return ""


async def _said(card: Card) -> Card:
    return card


class _Modal:
    """A form as a payload. discord.py asks for no more of one that it need not keep."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._payload = payload

    def to_dict(self) -> dict[str, Any]:
        return self._payload

    def is_finished(self) -> bool:
        return True


async def _open(interaction: discord.Interaction, payload: dict[str, Any]) -> None:
    await interaction.response.send_modal(_Modal(payload))  # type: ignore[arg-type]
