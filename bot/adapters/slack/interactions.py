"""Commands, buttons, forms and menus of Slack: read from what was sent, carried out by the study bot, answered.

Slack wants each acknowledged within three seconds, and does not send it again. So it is acknowledged at once, and the
answer follows by another way: a private message through the response address, or a form.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.adapters.slack import commands, failures, forms
from bot.adapters.slack.events import Me
from bot.adapters.slack.home import home_view
from bot.adapters.slack.ids import channel_id, channel_of, member_id, stamp, user_of
from bot.adapters.slack.messages import addressed, plain
from bot.adapters.slack.needs import HERE, SUBMIT
from bot.adapters.slack.people import People
from bot.adapters.slack.render import press_of, render
from bot.core import asking, notices
from bot.core.answering import Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Button, Card, Line, Press, Tone, Words
from bot.core.commands import BY_NAME, START, Misread
from bot.core.model import Bank, ChannelId, Place, Receipt, RoundId, RoundState, Told, Why, group_of
from bot.core.schedule import zone_names
from bot.core.suggestions import suggestions
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

AT_ONCE: Final = 2.0
"""Seconds that a sent form may be worked on before Slack is told that it goes on."""

_NOT_ANSWERED: Final = (RoundState.CANCELLED, RoundState.SKIPPED)
_NOTHING: Final = asking.refused("This no longer does anything.")
_BROKEN: Final = asking.refused("Something went wrong here. Nothing was lost; please try again.")
_WORKING: Final = Card(title="One moment", body=(Line((Words("I am still working on this."),)),))

Ack = Callable[..., Awaitable[Any]]
Payload = Mapping[str, Any]


class Interactions:
    """What members ask for, and what each is told in private."""

    def __init__(
        self,
        bot: StudyBot,
        client: Callable[[], AsyncWebClient],
        clock: Callable[[], datetime],
        banks: Callable[[], Mapping[str, Bank]],
        people: People,
        *,
        me: Callable[[], Me],
        marked: Callable[[Told], None],
    ) -> None:
        """`marked` is told what counts now, and what does not any more."""
        self._bot = bot
        self._client = client
        self._clock = clock
        self._banks = banks
        self._people = people
        self._me = me
        self._marked = marked

    # --- commands ---------------------------------------------------------------------------------------------

    async def command(self, payload: Payload) -> None:
        """`/nnquestion …` in a channel or a direct message."""
        team, channel = str(payload["team_id"]), str(payload["channel_id"])
        asker = await self._asker(team, str(payload["user_id"]), Place(channel=channel_id(team, channel)), payload)
        text = str(payload.get("text") or "")
        card = await self._carry_out(asker, text, id=_id("command", payload), trigger=payload.get("trigger_id"))
        if card is not None:
            await self._say(card, payload)

    async def mentioned(self, event: Payload, text: str) -> None:
        """The same by a mention of the bot, also in a thread."""
        team, channel, thread = self._me().team, str(event["channel"]), event.get("thread_ts")
        place = Place(channel=channel_id(team, channel), thread=str(thread) if thread else None)
        asker = await self._asker(team, str(event["user"]), place, {})
        card = await self._carry_out(asker, text, id=f"slack/mention/{channel}/{event['ts']}", trigger=None)
        if card is not None:
            await self._say_in(card, asker)

    async def _carry_out(self, asker: Asker, text: str, *, id: str, trigger: object) -> Card | None:
        """What a line comes to; None where a form was opened instead."""
        try:
            line = commands.read(text)
        except Misread as misread:
            return asking.refused(str(misread))
        await self._bot.met({member_id(self._me().team, user): name for user, name in commands.names(text).items()})
        if line.partition(" ")[0] == "setup":
            if why := await self._unfit(asker.channel):
                return asking.refused(why)
            if line == "setup" and await self._bot.may_organize(asker, asker.channel):
                return await self._open_setup(asker, asker.channel, trigger)
        card = await self._bot.command(asker, line, id=id, now=self._clock())
        return await self._with_offers(card, asker) if not line else card

    async def _with_offers(self, card: Card, asker: Asker) -> Card:
        """What one can say here as buttons, where there is more than one way to say it."""
        live = await self._bot.round_at(asker.place)
        buttons: list[Button] = []
        if live is not None and live.state is RoundState.OPEN:
            buttons.append(Button(Press.ANSWER, "Answer", live.id))
            if live.question.hints:
                buttons.append(Button(Press.HINT, "Hint", live.id))
        names = ["ask", "leaderboard", "me", "help"]
        if await self._bot.drill_in(asker.channel) is None:
            names = ["setup", "help"] if await self._bot.may_organize(asker, asker.channel) else ["help"]
        buttons += [Button(Press.DO, _capital(name), f"{name} {asker.channel}") for name in names]
        return replace(card, buttons=tuple(buttons))

    async def _open_setup(self, asker: Asker, channel: ChannelId, trigger: object) -> Card | None:
        if not trigger:  # A mention opens no form; a button does.
            about = Button(Press.DO, "Set it up", f"setup {channel}")
            return Card(
                title="This channel's drill", body=(Line((Words("Press the button for the form."),)),), buttons=(about,)
            )
        there = user_of(asker.member)
        zone = (await self._people.who(there)).zone if there is not None else "UTC"
        view = forms.setup_form(channel, await self._bot.drill_in(channel), zone, self._banks())
        return await self._open(view, trigger)

    async def _unfit(self, channel: ChannelId) -> str:
        """Why a channel cannot have a drill; empty where it can."""
        number = channel_of(channel)
        if number.startswith("D"):
            return "A drill needs a channel; say this there, not in direct messages."
        try:
            found = (await self._client().conversations_info(channel=number)).get("channel") or {}
        except failures.TROUBLE as error:
            if failures.word_of(error) in ("channel_not_found", "not_in_channel"):
                return "I am not in this channel. Say /invite @nnquestion here, and then this again."
            log.info("Slack does not tell about channel %s (%s)", number, failures.in_words(error))
            return ""  # What it lacks shows when the first card is posted.
        if found.get("is_im") or found.get("is_mpim"):
            return "A drill needs a channel; say this there, not in direct messages."
        if found.get("is_archived"):
            return "This channel is archived."
        if found.get("is_member") is False:
            return "I am not in this channel. Say /invite @nnquestion here, and then this again."
        return ""

    async def suggest(self, payload: Payload, ack: Ack) -> None:
        """Offer what fits while somebody types in a form."""
        option, typed = forms.suggestion_of(payload)
        zones = zone_names()
        found = suggestions(option, typed, banks=self._banks(), zones=zones, limits=forms.OFFERS) if option else []
        await ack(**forms.options(found))

    # --- buttons ----------------------------------------------------------------------------------------------

    async def press(self, payload: Payload) -> None:
        """A button on a message, in a form or on the own page."""
        action = payload["actions"][0]
        press, about = press_of(str(action.get("action_id"))), str(action.get("value") or "")
        if press is None:
            return
        asker = await self._asker_of(payload)
        try:
            card = await self._pressed(asker, press, about, payload)
        except Exception:
            log.exception("a button could not be worked on")
            card = _BROKEN
        if card is None:
            return
        if press is Press.RESULT or not payload.get("response_url"):
            shown = await self._open(_read_only(card), payload.get("trigger_id"), payload.get("view"))
            if shown is None:
                return
        await self._say(card, payload)

    async def _pressed(self, asker: Asker, press: Press, about: str, payload: Payload) -> Card | None:
        trigger, view = payload.get("trigger_id"), payload.get("view")
        if press is Press.ANSWER:
            return await self._open_answer(asker, RoundId(about), trigger, view)
        if press is Press.DO:
            name, _, channel = about.partition(" ")
            there = ChannelId(channel)
            if group_of(there) == asker.group and name in BY_NAME and await self._bot.may_organize(asker, there):
                if name == "setup":
                    why = await self._unfit(there)
                    return asking.refused(why) if why else await self._open_setup(asker, there, trigger)
                if any(option.required for option in BY_NAME[name].options):
                    return await self._open(forms.command_form(BY_NAME[name], there), trigger, view)
        return await self._bot.press(asker, press, about, id=_id("press", payload), now=self._clock())

    async def _open_answer(self, asker: Asker, round_id: RoundId, trigger: object, view: Any) -> Card | None:
        round_ = await self._bot.round(round_id)
        if round_ is None or round_.group != asker.group or round_.state in _NOT_ANSWERED:
            return asking.refused("There is no open round behind this button.")
        given = await self._bot.own_answer(round_id, asker.member)
        form = forms.answer_form(round_, given.text if given is not None else "", where=asker.place)
        return await self._open(form, trigger, view)

    async def _open(self, form: dict[str, Any], trigger: object, over: Any = None) -> Card | None:
        """Open a form, over another one where one is open; None, or what is said where that comes too late."""
        try:
            if over is not None and over.get("type") == "modal":
                await self._client().views_push(trigger_id=str(trigger), view=form)
            else:
                await self._client().views_open(trigger_id=str(trigger), view=form)
        except failures.TROUBLE as error:
            log.warning("a form could not be opened (%s)", failures.in_words(error))
            return asking.refused("That took me too long to open a form for you. Please try once more.")
        return None

    # --- forms ------------------------------------------------------------------------------------------------

    async def form(self, payload: Payload, ack: Ack) -> None:
        """A form was sent: what is wrong in it is said at its field, so that nothing that was typed is lost."""
        view = payload["view"]
        sent = forms.read_form(view)
        work = asyncio.ensure_future(self._form(sent, payload))
        done, _ = await asyncio.wait({work}, timeout=AT_ONCE)
        if not done:
            await ack(response_action="update", view=forms.card_form(_WORKING, _WORKING.title))
        try:
            card = await work
        except Exception:
            log.exception("a form could not be worked on")
            card = _BROKEN
        shown = _read_only(card)
        if not done:
            await self._best_effort(self._client().views_update(view_id=view.get("id"), view=shown))
            return
        if card.tone is Tone.TROUBLE and sent.what != forms.ANSWER:
            wrong = forms.errors(view, _sentence(card))
            if wrong is not None:
                await ack(response_action="errors", errors=wrong)
                return
        await ack(response_action="update", view=shown)

    async def _form(self, sent: forms.Form, payload: Payload) -> Card:
        asker = await self._asker_of(payload)
        if sent.what == forms.ANSWER:
            return await self._receipt(
                Form(
                    round=RoundId(sent.about),
                    interaction=_id("form", payload),
                    member=asker.member,
                    name=asker.name,
                    text=sent.values.get("text", ""),
                    at=self._clock(),
                )
            )
        if sent.what not in BY_NAME or group_of(ChannelId(sent.about)) != asker.group:
            return _NOTHING
        there = replace(asker, place=Place(channel=ChannelId(sent.about)))
        if sent.what == "setup" and (why := await self._unfit(there.channel)):
            return asking.refused(why)
        line = commands.line(sent.what, sent.values)
        return await self._bot.command(there, line, id=_id("form", payload), now=self._clock())

    # --- menus ------------------------------------------------------------------------------------------------

    async def shortcut(self, payload: Payload) -> None:
        """An entry of a message's menu."""
        team, channel = str(payload["team"]["id"]), str(payload["channel"]["id"])
        message = payload["message"]
        thread = message.get("thread_ts")
        place = Place(channel=channel_id(team, channel), thread=str(thread) if thread else None)
        asker = await self._asker(team, str(payload["user"]["id"]), place, payload["user"])
        match payload.get("callback_id"):
            case str(name) if name == SUBMIT:
                await self._say(await self._submit(asker, team, message, payload), payload, thread=place.thread)
            case str(name) if name == HERE:
                inside = replace(place, thread=place.thread or str(message["ts"]))
                known = await self._bot.round_at(inside)
                asker = replace(asker, place=inside if known is not None else Place(channel=place.channel))
                card = await self._bot.command(asker, "", id=_id("menu", payload), now=self._clock())
                card = await self._with_offers(card, asker)
                if await self._open(forms.card_form(card, START.name or "nnquestion"), payload.get("trigger_id")):
                    await self._say(card, payload, thread=place.thread)

    async def _submit(self, asker: Asker, team: str, message: Payload, payload: Payload) -> Card:
        author = str(message.get("user") or "")
        if message.get("bot_id") or not author:
            return _told(Told(receipt=Receipt.NOT_COUNTED, why=Why.NOT_OWN))
        ts, thread, edited = str(message["ts"]), message.get("thread_ts"), (message.get("edited") or {}).get("ts")
        text = str(message.get("text") or "")
        own = addressed(text, self._me().user)
        said = Said(
            place=Place(channel=asker.channel, thread=str(thread) if thread and thread != ts else None),
            message=ts,
            member=member_id(team, author),
            name=asker.name,
            text=plain(text if own is None else own),
            said_at=stamp(ts),
            edited_at=stamp(str(edited)) if edited else None,
        )
        by = Submitted(said=said, by=asker.member, interaction=_id("menu", payload), at=self._moment(payload))
        return await self._receipt(by)

    def _moment(self, payload: Payload) -> datetime:
        """When a menu was used, as Slack says; else now."""
        try:
            return stamp(str(payload.get("action_ts")))
        except ValueError:
            return self._clock()

    # --- answers ----------------------------------------------------------------------------------------------

    async def _receipt(self, happened: Form | Submitted) -> Card:
        told = await self._bot.answer(happened, self._clock())
        self._marked(told)
        return _told(told)

    async def show_home(self, user: str) -> None:
        """Publish somebody's own page."""
        person, team = await self._people.who(user), self._me().team
        asker = Asker(
            member=member_id(team, user),
            name=person.name,
            place=Place(channel=ChannelId(f"slack:{team}/home")),
            organizer=person.administers,
        )
        cards = await self._bot.home(asker, await self._channels_of(user), person.zone, self._clock())
        await self._best_effort(self._client().views_publish(user_id=user, view=home_view(cards)))

    async def _channels_of(self, user: str) -> set[ChannelId]:
        """The channels that somebody is in; where Slack does not tell, none, since some may be private."""
        found, cursor = set[ChannelId](), ""
        try:
            while True:
                page = await self._client().users_conversations(
                    user=user,
                    types="public_channel,private_channel",
                    exclude_archived=True,
                    limit=200,
                    **({"cursor": cursor} if cursor else {}),
                )
                found |= {channel_id(self._me().team, str(one["id"])) for one in page.get("channels") or ()}
                cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
                if not cursor:
                    return found
        except failures.TROUBLE as error:
            log.info("Slack does not tell in which channels %s is (%s)", user, failures.in_words(error))
            return found

    async def greet(self, channel: str, inviter: str) -> None:
        """Say once, to whoever took the bot into a channel, how to begin."""
        there = channel_id(self._me().team, channel)
        if not inviter or await self._bot.drill_in(there) is not None:
            return
        card = Card(
            title="Hello",
            body=(
                Line((Words("I post a neural-network question a day, and grade what you answer."),)),
                Line((Words("A workspace admin sets the drill up here with /nnquestion setup."),)),
            ),
            buttons=(Button(Press.DO, "Set it up", f"setup {there}"),),
        )
        team = self._me().team
        await self._say_in(card, await self._asker(team, inviter, Place(channel=there), {}))

    async def _say(self, card: Card, payload: Payload, *, thread: str | None = None) -> None:
        """Tell whoever did something, in private, through the address that came with it."""
        address = payload.get("response_url")
        if not address:
            asker = await self._asker_of(payload) if "user" in payload else None
            if asker is not None and asker.place.channel != ChannelId(""):
                await self._say_in(card, asker)
            return
        client = self._client()
        webhook = AsyncWebhookClient(str(address), session=client.session, timeout=10, proxy=client.proxy)
        for message in render(card):
            body: dict[str, Any] = {
                "response_type": "ephemeral",
                "replace_original": False,
                "text": message.text,
                "blocks": list(message.blocks),
            }
            if thread:
                body["thread_ts"] = thread
            try:
                answer = await webhook.send_dict(body)
            except failures.TROUBLE as error:
                log.info("a private reply could not be given (%s)", failures.in_words(error))
                return
            if answer.status_code != 200:
                log.info("a private reply was not taken (status %s: %s)", answer.status_code, answer.body[:100])
                return

    async def _say_in(self, card: Card, asker: Asker) -> None:
        """Tell somebody in private, in the place where they are."""
        user = user_of(asker.member)
        for message in render(card):
            await self._best_effort(
                self._client().chat_postEphemeral(
                    channel=channel_of(asker.channel),
                    user=str(user),
                    text=message.text,
                    blocks=list(message.blocks),
                    thread_ts=asker.place.thread,
                )
            )

    async def _asker_of(self, payload: Payload) -> Asker:
        """Who pressed or sent something, and where, as far as Slack says."""
        team = str((payload.get("team") or {}).get("id") or self._me().team)
        channel = (payload.get("channel") or {}).get("id") or (payload.get("container") or {}).get("channel_id")
        message = payload.get("message") or {}
        thread = message.get("thread_ts")
        if channel:
            place = Place(channel=channel_id(team, str(channel)), thread=str(thread) if thread else None)
        else:
            known = forms.read_form(payload.get("view") or {}).place
            place = known or Place(channel=ChannelId(f"slack:{team}/home"))
        user = payload["user"]
        return await self._asker(team, str(user["id"]), place, user)

    async def _asker(self, team: str, user: str, place: Place, names: Payload) -> Asker:
        name = str(names.get("user_name") or names.get("username") or names.get("name") or "")
        person = await self._people.who(user, name)
        return Asker(member=member_id(team, user), name=person.name, place=place, organizer=person.administers)

    @staticmethod
    async def _best_effort(request: Awaitable[object]) -> None:
        try:
            await request
        except failures.TROUBLE as error:
            if not failures.nobody_waits(error):
                log.warning("a private reply could not be given (%s)", failures.in_words(error))


def _read_only(card: Card) -> dict[str, Any]:
    """A card to be read in a form. What stands above one is short; the rest of a title stands in it."""
    return forms.card_form(card, card.title.partition(" · ")[0])


def _told(told: Told) -> Card:
    return Card(title="Your answer", body=(Line((Words(notices.told(told) or "Not counted."),)),))


def _sentence(card: Card) -> str:
    spans = [
        span.text for block in card.body if isinstance(block, Line) for span in block.spans if isinstance(span, Words)
    ]
    return " ".join(spans)


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _id(sort: str, payload: Payload) -> str:
    """What one sending is known by: Slack names each by its trigger, which is used once."""
    view = payload.get("view") or {}
    one = payload.get("trigger_id") or view.get("id") or payload.get("action_ts")
    if sort == "form":  # A form that was refused is sent again, under the same id with another hash.
        one = f"{view.get('id')}/{view.get('hash')}"
    return f"slack/{sort}/{one}"
