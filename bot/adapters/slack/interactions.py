"""Commands, buttons, forms and menus of Slack: read from what was sent, carried out by the study bot, answered.

Slack wants each acknowledged within three seconds, and does not send it again. So it is acknowledged at once, and the
answer follows by another way: a private message through the response address, or a form. Where one private answer leads
to the next by its buttons, they follow each other in one place.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient
from structlog.contextvars import bound_contextvars

from bot.adapters.slack import commands, failures, forms
from bot.adapters.slack.checkup import channel_seen, seen_by_refusal
from bot.adapters.slack.events import Me
from bot.adapters.slack.home import home_view
from bot.adapters.slack.ids import channel_id, channel_of, group_id, member_id, stamp, user_of
from bot.adapters.slack.messages import addressed, plain
from bot.adapters.slack.needs import HERE, SUBMIT, UPLOADS
from bot.adapters.slack.people import People
from bot.adapters.slack.render import press_of, render
from bot.adapters.slack.uploads import Uploads
from bot.core import asking, notices, rounds
from bot.core.answering import Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Button, Card, Line, Picture, Press, Tone, Words
from bot.core.checkup import Access, ChannelSeen
from bot.core.commands import BY_NAME, START, Command, Misread, Takes
from bot.core.commands import line as as_line
from bot.core.commands import read as read_line
from bot.core.model import Bank, ChannelId, Place, Receipt, RoundId, RoundState, Share, Told, Why, group_of
from bot.core.schedule import zone_names
from bot.core.suggestions import suggestions
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

AT_ONCE: Final = 2.0
"""Seconds that a sent form may be worked on before Slack is told that it goes on."""

IN_PLACE: Final = frozenset(
    {
        *(Press.CHECK, Press.OBJECT, Press.CONSENT, Press.REVIEW, Press.RULE, Press.RESUME),
        *(Press.NAMING, Press.ANSWERS, Press.FORGET),
    }
)
"""What these lead to takes the place of the private card that they stood on."""

BESIDE: Final = frozenset({Press.HELPED, Press.REPORT, Press.REMOVE})
"""What these lead to is said beside the card that they stood on, whose other buttons may be wanted, too."""

_NOTHING: Final = asking.refused("This no longer does anything.")
_BROKEN: Final = asking.refused("Something went wrong here, and this may not have been kept. Please try again.")
_NOT_OWN: Final = asking.said(
    "Your answer", Line((Words(notices.told(Told(receipt=Receipt.NOT_COUNTED, why=Why.NOT_OWN))),))
)
_ELSEWHERE: Final = asking.refused("I work in another workspace, and do nothing in this one.")
_DIRECT: Final = "A drill needs a channel; say this there, not in direct messages."
_NOT_IN: Final = "I am not in this channel. Say /invite @nnquestion here, and then this again."
_HANDED_OVER: Final = "The files are in your direct messages with me."
_NOT_HANDED_OVER: Final = (
    "Slack did not take the files. Please try again later; whoever runs me can hand them over, too."
)
_NO_RIGHT: Final = (
    f"I may not hand over files here: the app was installed without the scope {UPLOADS}. Whoever runs me can install "
    "it again with its present manifest."
)
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
        uploads: Uploads,
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
        self._uploads = uploads
        self._me = me
        self._marked = marked

    # --- commands ---------------------------------------------------------------------------------------------

    async def command(self, payload: Payload) -> None:
        """`/nnquestion …` in a channel or a direct message."""

        async def work() -> Card | None:
            asker = await self._asker_of(payload)
            text = str(payload.get("text") or "")
            return await self._carry_out(asker, text, id=_id("command", payload), trigger=payload.get("trigger_id"))

        card = await self._come_to(work, payload)
        if card is not None:
            await self._say(card, payload)

    async def mentioned(self, event: Payload, text: str) -> None:
        """The same by a mention of the bot, also in a thread."""
        channel, thread = str(event["channel"]), event.get("thread_ts")
        place = Place(channel=channel_id(self._me().team, channel), thread=str(thread) if thread else None)
        asker = await self._asker(str(event["user"]), place, {})
        id = f"slack/mention/{channel}/{event['ts']}"
        card = await self._come_to(lambda: self._carry_out(asker, text, id=id, trigger=None), {})
        if card is not None:
            await self._say_in(card, asker)

    async def _come_to(self, work: Callable[[], Awaitable[Card | None]], payload: Payload) -> Card | None:
        """What something comes to; it is answered also where it cannot be done, or comes from another workspace."""
        if self._is_elsewhere(payload):
            return _ELSEWHERE
        with bound_contextvars(**self._about(payload)):
            try:
                return await work()
            except Exception:
                log.exception("a command, a button, a form or a menu could not be worked on")
                return _BROKEN

    def _about(self, payload: Payload) -> dict[str, str]:
        """The keys under which the log names where something was done."""
        channel = _channel(payload)
        said = {"group": str(group_id(self._me().team))}
        return said | {"channel": channel_id(self._me().team, channel)} if channel else said

    def _is_elsewhere(self, payload: Payload) -> bool:
        """Whether something was done in another workspace than the one that this program is for."""
        team = payload.get("team_id") or (payload.get("team") or {}).get("id")
        return bool(team) and team != self._me().team

    async def _carry_out(self, asker: Asker, text: str, *, id: str, trigger: object) -> Card | None:
        """What a line comes to; None where a form was opened instead."""
        try:
            line = commands.read(text)
        except Misread as misread:
            return asking.refused(str(misread))
        if line.partition(" ")[0].lower() == "setup":
            if why := await self._unfit(asker.channel):
                return asking.refused(why)
            if line.lower() == "setup" and await self._bot.may_organize(asker, asker.channel):
                return await self._open_setup(asker, asker.channel, trigger)
        try:
            said = read_line(line)
        except Misread as misread:
            return asking.refused(str(misread))
        if why := await self._meet(asker, said.command, said.options):
            return asking.refused(why)
        if named := commands.names(text):
            await self._bot.met({member_id(self._me().team, user): name for user, name in named.items()})
        if said.command.name == "doctor":
            asker = await self._examined(asker, asker.channel)
        card = await self._bot.command(asker, line, id=id, now=self._clock())
        card = await self._handed_over(card, asker)
        return await self._with_offers(card, asker) if not line else card

    async def _examined(self, asker: Asker, about: ChannelId) -> Asker:
        """Whoever says `doctor`, with what Slack tells of a channel and of its place for notes."""
        if group_of(about) != asker.group or not await self._bot.may_organize(asker, about):
            return asker
        drill = await self._bot.drill_in(about)
        places = dict.fromkeys([about, *([rounds.notes_of(drill)] if drill is not None else [])])
        return replace(asker, seen=tuple([await self._seen(place) for place in places]))

    async def _seen(self, channel: ChannelId) -> ChannelSeen:
        try:
            number = channel_of(channel)
        except ValueError:  # Somebody's own direct messages with the bot take whatever is for them.
            return ChannelSeen(channel=channel, access=Access.THERE)
        if number.startswith("D"):
            return ChannelSeen(channel=channel, access=Access.UNFIT, remedy="set up the drill in a channel")
        try:
            return channel_seen(channel, (await self._client().conversations_info(channel=number)).get("channel") or {})
        except failures.TROUBLE as error:
            return seen_by_refusal(channel, failures.word_of(error), failures.in_words(error))

    async def _handed_over(self, card: Card, asker: Asker) -> Card:
        """The card, which says where its files are: no private message or form can hold any."""
        user = user_of(asker.member)
        if not card.files or user is None:
            return card
        says = _HANDED_OVER
        try:
            await self._uploads.hand_over(card.files, user, card.title)
        except failures.TROUBLE as error:
            log.warning("files could not be handed over (%s)", failures.in_words(error))
            says = _NO_RIGHT if failures.scope_missing(error) else _NOT_HANDED_OVER
        except SlackClientError:
            log.warning("files could not be handed over", exc_info=True)
            says = _NOT_HANDED_OVER
        return replace(card, body=(*card.body, Line((Words(says),))), files=())

    async def _meet(self, asker: Asker, command: Command, options: Mapping[str, str]) -> str:
        """Make known whom an organizer's command is about; why it cannot be about them, or nothing."""
        named = [options.get(option.name, "") for option in command.options if option.takes is Takes.MEMBER]
        if not any(named) or not await self._bot.may_organize(asker, asker.channel):
            return ""
        for user in (name.removeprefix("@") for name in named if name):
            person = await self._people.who(user)
            if person.bot:
                return f"{person.name} is a bot, and gets no points."
            if person.name != user:  # Else Slack does not tell what they are called.
                await self._bot.met({member_id(self._me().team, user): person.name})
        return ""

    async def _with_offers(self, card: Card, asker: Asker) -> Card:
        """What one can say here as buttons, where there is more than one way to say it."""
        live = await self._bot.round_at(asker.place)
        buttons: list[Button] = []
        if live is not None and live.state is RoundState.OPEN:
            buttons.append(Button(Press.ANSWER, "Answer", live.id))
            if live.question.hints:
                buttons.append(Button(Press.HINT, "Hint", live.id))
        organizes = await self._bot.may_organize(asker, asker.channel)
        names = ["ask", "leaderboard", "me", *(["review"] if organizes else []), "help"]
        if await self._bot.drill_in(asker.channel) is None:
            names = ["setup", "help"] if organizes else ["help"]
        buttons += [Button(Press.DO, _capital(name), f"{name} {asker.channel}") for name in names]
        return replace(card, buttons=tuple(buttons))

    async def _open_setup(self, asker: Asker, channel: ChannelId, trigger: object, over: Any = None) -> Card | None:
        if not trigger:  # A mention opens no form; a button does.
            about = Button(Press.DO, "Set it up", f"setup {channel}")
            return Card(
                title="This channel's drill", body=(Line((Words("Press the button for the form."),)),), buttons=(about,)
            )
        there = user_of(asker.member)
        zone = (await self._people.who(there)).zone if there is not None else "UTC"
        view = forms.setup_form(channel, await self._bot.drill_in(channel), zone, self._banks())
        return await self._open(view, trigger, over)

    async def _unfit(self, channel: ChannelId) -> str:
        """Why a channel cannot have a drill; empty where it can."""
        try:
            number = channel_of(channel)
        except ValueError:
            return "A drill needs a channel; say this in one."
        if number.startswith("D"):
            return _DIRECT
        try:
            found = (await self._client().conversations_info(channel=number)).get("channel") or {}
        except failures.TROUBLE as error:
            if failures.word_of(error) in ("channel_not_found", "not_in_channel"):
                return _NOT_IN
            if "im:read" in failures.in_words(error):  # The app asks for no right to look at direct messages.
                return _DIRECT
            log.info("Slack does not tell about channel %s (%s)", number, failures.in_words(error))
            return ""  # What it lacks shows when the first card is posted.
        if found.get("is_im") or found.get("is_mpim"):
            return _DIRECT
        if found.get("is_archived"):
            return "This channel is archived."
        if found.get("is_member") is False:
            return _NOT_IN
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
        card = await self._come_to(lambda: self._pressed(press, about, payload), payload)
        if card is None:
            return
        view, address = payload.get("view") or {}, payload.get("response_url")
        on = "" if card is _ELSEWHERE else view.get("type")
        if on == "modal" and (press in IN_PLACE or press in BESIDE):
            await self._go_on(view, card, _user(payload), beside=press in BESIDE or card.tone is Tone.TROUBLE)
            return
        if press is Press.CONSENT and on == "home":
            await self.show_home(_user(payload), first=(card,))
            return
        if card is not _ELSEWHERE and (press is Press.RESULT or not address):
            shown = await self._open(_read_only(card), payload.get("trigger_id"), view, card.picture)
            if shown is None:
                if press is Press.CHECK and on == "home":  # What that page offers is not so any more.
                    await self.show_home(_user(payload))
                return
        await self._say(card, payload, in_place=press in IN_PLACE and card.tone is not Tone.TROUBLE)

    async def _go_on(self, view: Payload, card: Card, user: str, *, beside: bool) -> None:
        """Show a card in the place of the one that a button of a form stood on; what stands `beside` it, above it."""
        ways: list[dict[str, Any]] = [{"view": _read_only(card)}]
        if beside and (above := forms.with_note(view, card)) is not None:
            ways.insert(0, {"view": above, "hash": view.get("hash")})  # Only where that is what is still shown.
        for way in ways:
            try:
                await self._client().views_update(view_id=view.get("id"), **way)
            except failures.TROUBLE as error:
                if failures.nobody_waits(error):
                    return
                log.warning("a form could not go on (%s)", failures.in_words(error))
            else:
                return
        await self.show_home(user, first=(card,))

    async def _pressed(self, press: Press, about: str, payload: Payload) -> Card | None:
        asker = await self._asker_of(payload)
        trigger, view = payload.get("trigger_id"), payload.get("view")
        if press is Press.ANSWER:
            return await self._open_answer(asker, RoundId(about), trigger, view)
        if press is Press.DO:
            name, _, channel = about.partition(" ")
            there = ChannelId(channel)
            if group_of(there) == asker.group and name in BY_NAME and await self._bot.may_organize(asker, there):
                if name == "setup":
                    why = await self._unfit(there)
                    return asking.refused(why) if why else await self._open_setup(asker, there, trigger, view)
                if name == "doctor":
                    asker = await self._examined(asker, there)
                if any(option.required for option in BY_NAME[name].options):
                    return await self._open(forms.command_form(BY_NAME[name], there), trigger, view)
        return await self._bot.press(asker, press, about, id=_id("press", payload), now=self._clock())

    async def _open_answer(self, asker: Asker, round_id: RoundId, trigger: object, view: Any) -> Card | None:
        about = await self._bot.answer_form(asker, round_id)
        if isinstance(about, Card):
            return about
        round_, given = about
        draft, share = (given.text, given.share) if given is not None else ("", Share.NO)
        form = forms.answer_form(round_, draft, share, where=asker.place)
        return await self._open(form, trigger, view)

    async def _open(
        self, form: dict[str, Any], trigger: object, over: Any = None, picture: Picture | None = None
    ) -> Card | None:
        """Open a form, over another one where one is open; None, or what is said where that comes too late.

        Its picture is shown in it once it is there.
        """
        try:
            if over is not None and over.get("type") == "modal":
                opened = await self._client().views_push(trigger_id=str(trigger), view=form)
            else:
                opened = await self._client().views_open(trigger_id=str(trigger), view=form)
        except failures.TROUBLE as error:
            log.warning("a form could not be opened (%s)", failures.in_words(error))
            return asking.refused("That took me too long to open a form for you. Please try once more.")
        view = opened.get("view") or {}
        if picture is not None and view.get("id"):
            shown = self._uploads.shown(
                picture,
                lambda file: self._client().views_update(
                    view_id=view["id"], hash=view.get("hash"), view=forms.with_picture(form, picture, file)
                ),
            )
            await self._best_effort(shown)
        return None

    # --- forms ------------------------------------------------------------------------------------------------

    async def form(self, payload: Payload, ack: Ack) -> None:
        """A form was sent: what is wrong in it is said at its field, so that nothing that was typed is lost."""
        view = payload["view"]
        sent = forms.read_form(view)
        work = asyncio.ensure_future(self._come_to(lambda: self._form(sent, payload), payload))
        done, _ = await asyncio.wait({work}, timeout=AT_ONCE)
        if not done:
            await ack(response_action="update", view=forms.card_form(_WORKING, _WORKING.title))
        card = await work
        shown = _read_only(card or _NOTHING)
        if not done:
            await self._best_effort(self._client().views_update(view_id=view.get("id"), view=shown))
            return
        if card is not None and card.tone is Tone.TROUBLE:
            sentence = _sentence(card)
            fields = [block["block_id"] for block in view.get("blocks") or () if block.get("type") == "input"]
            # What belongs to no field stands at the first: in place of the form it would cost what was typed.
            wrong = forms.errors(view, sentence) or {field: sentence for field in fields[:1]}
            if wrong:
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
                    share=forms.share_of(sent),
                )
            )
        if sent.what not in BY_NAME or group_of(ChannelId(sent.about)) != asker.group:
            return _NOTHING
        there = replace(asker, place=Place(channel=ChannelId(sent.about)))
        if sent.what == "setup" and (why := await self._unfit(there.channel)):
            return asking.refused(why)
        if why := await self._meet(there, BY_NAME[sent.what], sent.values):
            return asking.refused(why)
        line = as_line(sent.what, sent.values)
        return await self._bot.command(there, line, id=_id("form", payload), now=self._clock())

    # --- menus ------------------------------------------------------------------------------------------------

    async def shortcut(self, payload: Payload) -> None:
        """An entry of a message's menu."""
        work = {SUBMIT: self._submit, HERE: self._offer}.get(str(payload.get("callback_id")))
        if work is not None and (card := await self._come_to(lambda: work(payload), payload)) is not None:
            await self._say(card, payload)

    async def _offer(self, payload: Payload) -> Card | None:
        """What can be done where a message stands: it stands in for the command, which no thread takes."""
        asker = await self._asker_of(payload)
        inside = replace(asker.place, thread=asker.place.thread or str(payload["message"]["ts"]))
        known = await self._bot.round_at(inside)
        asker = replace(asker, place=inside if known is not None else Place(channel=asker.channel))
        card = await self._bot.command(asker, "", id=_id("menu", payload), now=self._clock())
        card = await self._with_offers(card, asker)
        form = forms.card_form(card, START.name or "nnquestion")
        return None if await self._open(form, payload.get("trigger_id")) is None else card

    async def _submit(self, payload: Payload) -> Card:
        asker, message = await self._asker_of(payload), payload["message"]
        author = str(message.get("user") or "")
        if message.get("bot_id") or not author:
            return _NOT_OWN
        ts, edited = str(message["ts"]), (message.get("edited") or {}).get("ts")
        text = str(message.get("text") or "")
        own = addressed(text, self._me().user)
        said = Said(
            place=asker.place,
            message=ts,
            member=member_id(self._me().team, author),
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
        told, card = await self._bot.answer_in_private(happened, self._clock())
        self._marked(told)
        return card

    async def show_home(self, user: str, *, first: tuple[Card, ...] = ()) -> None:
        """Publish somebody's own page; `first` is said above it."""
        person = await self._people.who(user)
        asker = await self._asker(user, self._home, {})
        cards = await self._bot.home(asker, await self._channels_of(user), person.zone, self._clock())
        await self._best_effort(self._client().views_publish(user_id=user, view=home_view((*first, *cards))))

    @property
    def _home(self) -> Place:
        """Where somebody is who is in no channel."""
        return Place(channel=ChannelId(f"slack:{self._me().team}/home"))

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
        await self._say_in(card, await self._asker(inviter, Place(channel=there), {}))

    async def _say(self, card: Card, payload: Payload, *, in_place: bool = False) -> None:
        """Tell whoever did something, in private, through the address that came with it; else where they did it.

        `in_place` of the private message on which they did it, where that is possible.
        """
        address = payload.get("response_url")
        if not address:
            await self._say_without_address(card, payload)
            return
        client, thread = self._client(), _thread(payload)
        webhook = AsyncWebhookClient(str(address), session=client.session, timeout=10, proxy=client.proxy)
        messages = render(card)
        # What others see is never replaced, and what comes in parts is longer than what it would replace.
        private = (payload.get("container") or {}).get("is_ephemeral") is True
        replaces = in_place and private and len(messages) == 1
        for number, message in enumerate(messages):
            body: dict[str, Any] = {
                "response_type": "ephemeral",
                "replace_original": replaces,
                "text": message.text,
                "blocks": list(message.blocks),
            }
            if thread:
                body["thread_ts"] = thread
            try:
                answer = await webhook.send_dict(body)
                refused = "" if answer.status_code == 200 else f"status {answer.status_code}"
            except failures.TROUBLE as error:
                refused = failures.in_words(error)
            if refused:
                log.info("a private reply was not taken (%s); it is given where it was asked for", refused)
                if _channel(payload) and not self._is_elsewhere(payload):
                    await self._say_in(card, await self._asker_of(payload), after=number)
                return
        if card.picture is not None and _channel(payload):
            await self._picture(card.picture, await self._asker_of(payload))

    async def _say_without_address(self, card: Card, payload: Payload) -> None:
        view = payload.get("view") or {}
        if self._is_elsewhere(payload):
            return
        if view.get("type") == "home":
            await self.show_home(_user(payload), first=(card,))
        elif view:
            await self._best_effort(self._client().views_update(view_id=view.get("id"), view=_read_only(card)))
        elif _channel(payload):
            await self._say_in(card, await self._asker_of(payload))

    async def _say_in(self, card: Card, asker: Asker, *, after: int = 0) -> None:
        """Tell somebody in private, in the place where they are, what stands after so many messages of a card."""
        user = user_of(asker.member)
        for message in render(card)[after:]:
            await self._best_effort(
                self._client().chat_postEphemeral(
                    channel=channel_of(asker.channel),
                    user=str(user),
                    text=message.text,
                    blocks=list(message.blocks),
                    thread_ts=asker.place.thread,
                )
            )
        if card.picture is not None:
            await self._picture(card.picture, asker)

    async def _picture(self, picture: Picture, asker: Asker) -> None:
        """Show somebody a picture in private, after the words that say the same: those never wait for it."""

        async def show(file: str) -> AsyncSlackResponse:
            [message] = render(Card(title="", picture=picture), file=file)
            return await self._client().chat_postEphemeral(
                channel=channel_of(asker.channel),
                user=str(user_of(asker.member)),
                text=message.text,
                blocks=list(message.blocks),
                thread_ts=asker.place.thread,
            )

        await self._best_effort(self._uploads.shown(picture, show))

    async def _asker_of(self, payload: Payload) -> Asker:
        """Who pressed or sent something, and where, as far as Slack says."""
        if channel := _channel(payload):
            place = Place(channel=channel_id(self._me().team, channel), thread=_thread(payload))
        else:
            place = forms.read_form(payload.get("view") or {}).place or self._home
        return await self._asker(_user(payload), place, payload.get("user") or payload)

    async def _asker(self, user: str, place: Place, names: Payload) -> Asker:
        name = str(names.get("user_name") or names.get("username") or names.get("name") or "")
        person = await self._people.who(user, name)
        return Asker(
            member=member_id(self._me().team, user), name=person.name, place=place, organizer=person.administers
        )

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


def _sentence(card: Card) -> str:
    spans = [
        span.text for block in card.body if isinstance(block, Line) for span in block.spans if isinstance(span, Words)
    ]
    return " ".join(spans)


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _user(payload: Payload) -> str:
    """Who did something."""
    return str(payload.get("user_id") or payload["user"]["id"])


def _channel(payload: Payload) -> str:
    """The channel in which something was done; empty in a form and on the own page."""
    of_message = (payload.get("channel") or {}).get("id") or (payload.get("container") or {}).get("channel_id")
    return str(payload.get("channel_id") or of_message or "")


def _thread(payload: Payload) -> str | None:
    """The thread in which something was done. A message above one stands in the channel."""
    message, container = payload.get("message") or {}, payload.get("container") or {}
    thread = message.get("thread_ts") or container.get("thread_ts")
    return str(thread) if thread and thread != (message.get("ts") or container.get("message_ts")) else None


def _id(sort: str, payload: Payload) -> str:
    """What one sending is known by, however often it comes.

    A form is known by its view: two clicks send it twice, under different triggers. All else has a trigger that is used
    once. That alone is not relied on: what differs in who, where or what is not the same.
    """
    view, message = payload.get("view") or {}, payload.get("message") or {}
    what: list[object] = [_user(payload)]
    if sort == "form":
        what += [view.get(key) for key in ("id", "hash", "callback_id", "private_metadata", "state")]
    else:
        what += [payload.get("trigger_id") or payload.get("response_url"), _channel(payload), message.get("ts")]
        what += [payload.get(key) for key in ("callback_id", "text", "actions", "action_ts")]
    known = json.dumps(what, sort_keys=True, default=str)
    return f"slack/{sort}/{hashlib.sha256(known.encode()).hexdigest()[:32]}"
