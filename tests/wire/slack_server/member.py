"""People: what they write, press, fill in and call, and what they then see.

Slack's own app keeps people from most mistakes, so what it would not let them do raises `CannotDo`, and the bot hears
nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from . import payloads
from .block_kit import CHOICES, MULTI_SELECTS, SELECTS, elements
from .clock import ts_of
from .errors import CannotDo, Json
from .interactions import Act, Outcome
from .model import Channel, Kind, Message, User
from .views import View
from .waiting import PATIENCE

if TYPE_CHECKING:
    from .world import World

TYPED_TEXT: Final = 12_000
"""Characters that the app lets people write in one message."""


@dataclass(eq=False, slots=True)
class Member(User):
    """One person in one workspace."""

    ephemerals: list[Message] = field(default_factory=list, repr=False)
    modals: list[View] = field(default_factory=list, repr=False)
    """The modals that lie before them, the lowest first."""
    home: View | None = field(default=None, repr=False)
    """The app's Home tab as they see it."""

    @property
    def world(self) -> World:
        return self.team.world

    @property
    def dm(self) -> Channel:
        """Their conversation with the bot."""
        return self.world.direct(self.team, [self, self.team.bot])

    @property
    def modal(self) -> View | None:
        """The modal that lies on top."""
        return self.modals[-1] if self.modals else None

    def seen(self, channel: Channel, thread: Message | None = None) -> list[Message]:
        """What they see in a channel, or in a thread, oldest first: ephemeral messages to them, too."""
        self._sees(channel)
        stands = channel.messages if thread is None else [thread, *thread.replies]
        place = None if thread is None else thread.ts
        mine = [one for one in self.ephemerals if one.channel is channel and one.thread_ts == place]
        return sorted([*stands, *mine], key=lambda one: one.ts)

    # --- messages -----------------------------------------------------------------------------------------------

    async def say(
        self,
        channel: Channel,
        text: str = "",
        *,
        thread: Message | None = None,
        broadcast: bool = False,
        files: Sequence[str] = (),
    ) -> Message:
        """Write in a channel, a thread or `dm`. `thread` is any message of it; `broadcast` sends it to the channel too.

        Mentions are typed as `ada.mention`, `channel.mention`, `@here`; programs between three backticks.
        """
        self._writes(channel)
        if not text.strip() and not files:
            raise CannotDo("A message says something, or has a file")
        if len(text) > TYPED_TEXT:
            raise CannotDo(f"A message has at most {TYPED_TEXT} characters, not {len(text)}")
        if thread is not None:
            self._there(thread)
        given: list[Json] = [{"id": self.world.ids.next("F"), "name": name, "mode": "hosted"} for name in files]
        parent = None if thread is None else (thread.thread_ts if thread.is_reply else thread.ts)
        if broadcast and parent is None:
            raise CannotDo("Only a reply can be sent to the channel, too")
        return self.world.say(channel, self, text, thread_ts=parent, broadcast=broadcast, files=given)

    async def mention_bot(self, channel: Channel, text: str, *, thread: Message | None = None) -> Message:
        """Write to the bot by name: it hears of it twice, as `message` and as `app_mention`."""
        return await self.say(channel, f"{self.team.bot.mention} {text}", thread=thread)

    async def edit(self, message: Message, text: str) -> None:
        """Say an own message anew."""
        self._there(message)
        self._writes(message.channel)
        if message.user is not self or message.ephemeral:
            raise CannotDo(f"{self.name} did not write this")
        window = self.team.edit_window
        if window is not None and self.world.age(message.ts).total_seconds() > window * 60:
            raise CannotDo(f"Messages can be edited for {window} minutes here")
        self.world.retype(message, text)

    async def delete(self, message: Message) -> None:
        """Delete an own message, or as an admin anybody's; or dismiss an ephemeral one."""
        self._there(message)
        if message.user is not self and message.seen_by is not self and not (self.admin or self.owner):
            raise CannotDo(f"{self.name} did not write this")
        self.world.delete(message, by=self)

    async def react(self, message: Message, name: str) -> None:
        self._reacts(message)
        self.world.react(message, self, name)

    async def unreact(self, message: Message, name: str) -> None:
        self._reacts(message)
        self.world.unreact(message, self, name)

    async def join(self, channel: Channel) -> None:
        if channel.kind is not Kind.PUBLIC or channel.deleted:
            raise CannotDo(f"{self.name} cannot join {channel.name}")
        self.world.join(channel, self)

    async def leave(self, channel: Channel) -> None:
        self._sees(channel)
        self.world.leave(channel, self)

    def deactivate(self) -> None:
        """An admin deactivates the account: the bot hears `user_change`, and that is all."""
        self.world.deactivate(self)

    # --- commands and shortcuts ---------------------------------------------------------------------------------

    async def command(self, name: str, text: str = "", channel: Channel | None = None, *, wait: bool = True) -> Outcome:
        """Call a slash command in a channel, by default in `dm`. There are none in threads.

        Comes back when they see what comes of it, unless not to wait.
        """
        app = self.world.app
        channel = channel or self.dm
        self._writes(channel)
        if not name.startswith("/") or (app.commands is not None and name not in app.commands):
            raise CannotDo(f"There is no command {name!r}, only {sorted(app.commands or ())}")
        details = {"command": name, "text": self._escaped(text) if app.escape else text}
        return await self._seen(self._begin(Act.COMMAND, details, channel=channel), wait)

    async def shortcut(self, message: Message, callback_id: str, *, wait: bool = True) -> Outcome:
        """Use a shortcut from the menu of a message. The bot reads the message, also where it is no member."""
        self._there(message)
        if message.ephemeral:
            raise CannotDo("An ephemeral message has no menu of shortcuts")
        details = {"callback_id": callback_id, "action_ts": self._now(), "message_ts": message.ts}
        outcome = self._begin(Act.MESSAGE_SHORTCUT, details, channel=message.channel, message=message)
        return await self._seen(outcome, wait)

    async def global_shortcut(self, callback_id: str, *, wait: bool = True) -> Outcome:
        """Use a shortcut from the menu of the composer."""
        details = {"callback_id": callback_id, "action_ts": self._now()}
        return await self._seen(self._begin(Act.SHORTCUT, details), wait)

    # --- buttons and menus --------------------------------------------------------------------------------------

    async def press(self, place: Message | View, which: str, *, wait: bool = True) -> Outcome:
        """Press a button by its label or action_id. Comes back when they see what comes of it, unless not to wait."""
        block, element = self._element(place, which, ("button",))
        action: Json = {"text": element["text"]}
        for key in ("value", "style", "url"):
            if key in element:
                action[key] = element[key]
        return await self._act(place, block, element, action, wait)

    async def choose(self, place: Message | View, which: str, *values: str, wait: bool = True) -> Outcome:
        """Choose by label or value from a menu or boxes, named by placeholder or action_id; dates and ids as such."""
        kinds = (*SELECTS, *MULTI_SELECTS, *CHOICES, "overflow", "datepicker", "timepicker")
        block, element = self._element(place, which, kinds)
        key = "selected_option" if element["type"] == "overflow" else payloads.value_key(element["type"])
        return await self._act(place, block, element, {key: self._picked(element, list(values), key)}, wait)

    async def suggest(self, place: Message | View, which: str, typed: str) -> list[str]:
        """Type into a menu that the bot fills: what it offers."""
        block, element = self._element(place, which, ("external_select", "multi_external_select"))
        details: Json = {"action_id": element["action_id"], "block_id": block["block_id"], "value": typed}
        details["container"] = self._container(place)
        if isinstance(place, View):
            outcome = self._begin(Act.SUGGESTION, details, view=place)
        else:
            outcome = self._begin(Act.SUGGESTION, details, channel=place.channel, message=place)
        return (await self._seen(outcome, True)).options

    async def _act(self, place: Message | View, block: Json, element: Json, action: Json, wait: bool) -> Outcome:
        action = {"action_id": element["action_id"], "block_id": block["block_id"], **action}
        action |= {"type": element["type"], "action_ts": self._now()}
        details: Json = {"actions": [action], "container": self._container(place)}
        if isinstance(place, View):
            return await self._seen(self._begin(Act.ACTION, details, view=place), wait)
        details["state"] = {"values": payloads.state(place.blocks)}
        return await self._seen(self._begin(Act.ACTION, details, channel=place.channel, message=place), wait)

    def _container(self, place: Message | View) -> Json:
        if isinstance(place, View):
            return {"type": "view", "view_id": place.id}
        container: Json = {"type": "message", "message_ts": place.ts, "channel_id": place.channel.id}
        container["is_ephemeral"] = place.ephemeral
        return container | ({"thread_ts": place.thread_ts} if place.thread_ts else {})

    def _element(self, place: Message | View, which: str, kinds: Sequence[str]) -> tuple[Json, Json]:
        if isinstance(place, View):
            self._open(place)
        else:
            self._there(place)
        for block in place.blocks:
            for one in elements(block):
                names = (one["action_id"], *(one.get(key, {}).get("text") for key in ("text", "placeholder")))
                label = block.get("label", {}).get("text")
                if one["type"] in kinds and which in (*names, label):
                    return block, one
        raise CannotDo(f"There is no {which!r} here, only {place.labels}")

    # --- forms and Home -----------------------------------------------------------------------------------------

    async def submit(self, view: View, values: Mapping[str, Any] | None = None, *, wait: bool = True) -> Outcome:
        """Send a modal filled in: values by label, block_id or action_id; what is left out keeps what it opened with.

        Texts are `str`; choices are labels or values, one or a list of them.
        """
        self._open(view)
        if view is not self.modal or "submit" not in view.content:
            raise CannotDo("Only the modal on top is sent, and only if it has a button for it")
        given = dict(values or {})
        state: Json = {}
        for block in view.blocks:
            if block["type"] != "input":
                continue
            element = block["element"]
            names = (block["label"]["text"], block["block_id"], element["action_id"])
            filled = payloads.untouched(element)
            key = payloads.value_key(element["type"])
            for name in names:
                if name in given:
                    filled[key] = self._filled(element, key, given.pop(name))
                    break
            if filled[key] in (None, "", []) and not block.get("optional"):
                raise CannotDo(f"The app asks to fill in {names[0]!r}")
            state.setdefault(block["block_id"], {})[element["action_id"]] = filled
        if given:
            raise CannotDo(f"The form has no {sorted(given)}, only {view.fields}")
        shown = payloads.view(view, self.world.app) | {"state": {"values": state}}
        return await self._seen(self._begin(Act.SUBMISSION, {"view": shown}, view=view), wait)

    async def close(self, view: View, *, wait: bool = True) -> Outcome | None:
        """Close a modal by its cross. The bot hears of it only if it asked to (`notify_on_close`)."""
        self._open(view)
        self.drop(view)
        if not view.content.get("notify_on_close"):
            return None
        return await self._seen(self._begin(Act.CLOSING, {"is_cleared": False}, view=view), wait)

    def drop(self, view: View) -> None:
        """Take a modal from the pile, with all that lies on it."""
        if view in self.modals:
            for one in self.modals[self.modals.index(view) :]:
                one.closed = True
            del self.modals[self.modals.index(view) :]

    async def open_home(self, *, wait: bool = True) -> View | None:
        """Open the app's Home tab: what they see when the bot has published it."""
        world = self.world
        if not world.app.home:
            raise CannotDo("The app has no Home tab")
        before = self.home.hash if self.home else None
        event: Json = {"type": "app_home_opened", "user": self.id, "channel": self.dm.id, "tab": "home"}
        if self.home is not None:
            event["view"] = payloads.view(self.home, world.app)
        world.emit(self.team, event, "app_home_opened")
        if wait:
            why = f"The bot did not publish the Home of {self.name}"
            await world.bell.until(lambda: self.home is not None and self.home.hash != before, lambda: why)
        return self.home

    async def open_messages(self) -> None:
        """Open the app's Messages tab: the bot hears the same event as of Home, with another `tab`."""
        event = {"type": "app_home_opened", "user": self.id, "channel": self.dm.id, "tab": "messages"}
        self.world.emit(self.team, event, "app_home_opened")

    # --- seeing -------------------------------------------------------------------------------------------------

    async def settled(self, outcome: Outcome, patience: float = PATIENCE) -> Outcome:
        """Wait until they see what comes of it: a message, a modal, Home, a failure; for a form its end."""
        await self.world.bell.until(lambda: outcome.settled, lambda: self._nothing(outcome), patience)
        return outcome

    async def answered(self, outcome: Outcome, patience: float = PATIENCE) -> Outcome:
        """Wait until it is acknowledged or has failed; there may be nothing to see yet."""
        await self.world.bell.until(
            lambda: outcome.acknowledged or outcome.error, lambda: self._nothing(outcome), patience
        )
        return outcome

    def _nothing(self, outcome: Outcome) -> str:
        return (
            f"{self.name} still sees no outcome of {outcome.act.value}, which is "
            f"{'acknowledged' if outcome.acknowledged else 'not acknowledged'}. The server's clock stands still: to "
            "see it fail, do not wait, and advance the clock by three seconds; where there is nothing to see, do not "
            "wait, and ask for `answered`"
        )

    async def _seen(self, outcome: Outcome, wait: bool) -> Outcome:
        return await self.settled(outcome) if wait else outcome

    def _begin(
        self,
        act: Act,
        details: Json,
        *,
        channel: Channel | None = None,
        message: Message | None = None,
        view: View | None = None,
    ) -> Outcome:
        if not self.team.installed:
            raise CannotDo("The app is not installed")
        return self.world.interactions.begin(act, self, details, channel=channel, message=message, view=view)

    def _now(self) -> str:
        return ts_of(self.world.clock.stamp())

    # --- what the app lets them do ------------------------------------------------------------------------------

    def _sees(self, channel: Channel) -> None:
        if self.deactivated or channel.deleted or self.id not in channel.members:
            raise CannotDo(f"{self.name} is not in {channel.name or 'this conversation'}")

    def _writes(self, channel: Channel) -> None:
        self._sees(channel)
        if channel.archived:
            raise CannotDo(f"{channel.name} is archived")
        if channel.read_only and not (self.admin or self.owner):
            raise CannotDo(f"{self.name} may not write in {channel.name}")

    def _there(self, message: Message) -> None:
        self._sees(message.channel)
        gone = message.deleted and not message.tombstone
        if gone or (message.seen_by is not None and message.seen_by is not self):
            raise CannotDo(f"{self.name} does not see this message")

    def _reacts(self, message: Message) -> None:
        self._there(message)
        if message.ephemeral or message.tombstone or message.channel.archived:
            raise CannotDo("Nobody can react to this")

    def _open(self, view: View) -> None:
        if view.owner is not self:
            raise CannotDo(f"This lies before {view.owner.name}")
        if view is not self.home and view not in self.modals:
            raise CannotDo("This is closed")

    def _escaped(self, text: str) -> str:
        for user in self.team.users.values():
            text = text.replace(user.mention, f"<@{user.id}|{user.name}>").replace(
                f"@{user.name}", f"<@{user.id}|{user.name}>"
            )
        return text

    def _filled(self, element: Json, key: str, value: Any) -> Any:
        if key == "rich_text_value":
            return {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": value}]}],
            }
        if key == "value":
            least, most = element.get("min_length", 0), element.get("max_length", 3000)
            if value and element["type"] == "plain_text_input" and not least <= len(value) <= most:
                raise CannotDo(f"The field takes {least} to {most} characters, not {len(value)}")
            return value or None
        return self._picked(element, [value] if isinstance(value, str) else list(value), key)

    def _picked(self, element: Json, values: list[str], key: str) -> Any:
        if key in ("selected_option", "selected_options") and "external" not in element["type"]:
            groups = [element, *element.get("option_groups", [])]
            options = [one for group in groups for one in group.get("options", [])]
            known = {one["value"]: one for one in options} | {one["text"]["text"]: one for one in options}
            if not set(values) <= set(known):
                raise CannotDo(f"There is no such option among {sorted(known)}")
            picked: list[Any] = [known[value] for value in values]
        elif key in ("selected_option", "selected_options"):
            picked = [{"text": {"type": "plain_text", "text": value}, "value": value} for value in values]
        else:
            picked = list(values)
        if key.endswith("s"):
            return picked
        if len(picked) > 1:
            raise CannotDo("One can be chosen, not several")
        return picked[0] if picked else None
