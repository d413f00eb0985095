"""People: what they write, press, fill in and call, and what they then see.

Discord's own app keeps people from most mistakes, so what it would not let them do raises `CannotDo`, and the bot
hears nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from . import payloads
from .commands import MESSAGE, SLASH, USER, Option
from .components import SELECTS, Kind, walk
from .errors import Json
from .interactions import Act, Form, Interaction
from .messages import CONTENT, Attached, Draft, Pinging, Upload
from .model import Channel, Guild, Message, Role, User
from .permissions import Perm
from .waiting import PATIENCE

if TYPE_CHECKING:
    from .world import World

_MULTIPLE: Final = frozenset({*SELECTS, Kind.FILE_UPLOAD, Kind.CHECKBOX_GROUP})
"""Places of forms whose value is a list."""


class CannotDo(Exception):
    """The app would not let a member do that."""


@dataclass(eq=False, slots=True)
class Member:
    """One person in one guild."""

    world: World = field(repr=False)
    guild: Guild = field(repr=False)
    user: User
    roles: list[Role] = field(default_factory=list)
    takes_messages: bool = True
    """Whether the bot may write to them directly; if not, it gets 50007."""

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def name(self) -> str:
        return self.user.display

    @property
    def mention(self) -> str:
        return self.user.mention

    @property
    def dm(self) -> Channel:
        """Their conversation with the bot."""
        return self.world.direct_messages(self.user)

    # --- messages -----------------------------------------------------------------------------------------------

    async def say(
        self,
        place: Channel,
        text: str = "",
        *,
        reply_to: Message | None = None,
        ping: bool = True,
        files: Mapping[str, bytes] | None = None,
    ) -> Message:
        """Write in a channel, a thread or `dm`. `ping` is the switch beside a reply, which is on unless turned off."""
        self._sees(place)
        if place.guild is not None:
            self._may(place, Perm.SEND_MESSAGES_IN_THREADS if place.is_thread else Perm.SEND_MESSAGES)
        self._may_write(place)
        self._short(text)
        if not text.strip() and not files:
            raise CannotDo("A message says something, or has a file")
        uploads = [Upload(index, name, data) for index, (name, data) in enumerate((files or {}).items())]
        draft = Draft(
            content=text.strip(),
            attached=[Attached(upload.filename, upload=upload) for upload in uploads],
            pinging=Pinging(everyone=True, all_users=True, all_roles=True, replied_user=ping),
            reply_to=None if reply_to is None else reply_to.id,
        )
        return self.world.post(place, self.user, draft)

    async def edit(self, message: Message, text: str) -> None:
        """Say an own message anew."""
        self._there(message)
        if message.author is not self.user:
            raise CannotDo(f"{self.name} did not write this")
        if message.channel.archived:
            raise CannotDo("The thread is archived")
        self._may_write(message.channel)
        self._short(text)
        everybody = Pinging(everyone=True, all_users=True, all_roles=True)
        self.world.edit(message, Draft(content=text.strip(), pinging=everybody, flags=message.flags))

    async def delete(self, message: Message) -> None:
        """Delete an own message, or as a moderator anybody's; or dismiss an ephemeral one."""
        self._there(message)
        if message.author is not self.user and message.seen_by is not self.user:
            self._may(message.channel, Perm.MANAGE_MESSAGES)
        self.world.delete(message)

    async def react(self, message: Message, emoji: str) -> None:
        self._there(message)
        self.world.react(message, self.user, emoji)

    async def unreact(self, message: Message, emoji: str) -> None:
        self.world.unreact(message, self.user, emoji)

    # --- buttons and forms --------------------------------------------------------------------------------------

    async def press(self, message: Message, which: str, *, wait: bool = True) -> Interaction:
        """Press a button by its label or custom_id. Comes back when they see what comes of it, unless not to wait."""
        button = self._component(message, which, frozenset({Kind.BUTTON}))
        return await self._interact(message, {"custom_id": button["custom_id"], "component_type": 2}, button, wait)

    async def choose(self, message: Message, which: str, values: Sequence[str], *, wait: bool = True) -> Interaction:
        """Choose options, by value or label, of a menu of texts, named by its placeholder or custom_id."""
        menu = self._component(message, which, frozenset({Kind.STRING_SELECT}))
        known = {option["label"]: option["value"] for option in menu["options"]}
        picked = [known.get(value, value) for value in values]
        if not set(picked) <= set(known.values()):
            raise CannotDo(f"There is no such option among {sorted(known)}")
        if not menu.get("min_values", 1) <= len(picked) <= menu.get("max_values", 1):
            raise CannotDo(f"That is not how many options the menu {which!r} takes")
        data = {"custom_id": menu["custom_id"], "component_type": 3, "values": picked}
        return await self._interact(message, data, menu, wait)

    async def submit(self, form: Form, values: Mapping[str, Any] | None = None, *, wait: bool = True) -> Interaction:
        """Send a form filled in: values by label or custom_id; what is left out keeps what it opened with.

        Texts are `str`, choices `str` or a list of them, a checkbox `bool`, files a list of `(name, data)`.
        """
        if form.opened_by.member.user is not self.user:
            raise CannotDo(f"This form opened before {form.opened_by.member.name}")
        given = dict(values or {})
        filled: dict[str, Any] = {}
        resolved: Json = {}
        for one in form.fields:
            value = given.pop(one.custom_id, given.pop(one.label, None))
            filled[one.custom_id] = self._filled(one.component, one.label, value, resolved)
        if given:
            raise CannotDo(f"The form has no {sorted(given)}, only {[one.label for one in form.fields]}")

        def sent(component: Json) -> Json:
            reply: Json = {"type": component["type"], "id": component["id"]}
            if component["type"] == Kind.LABEL:
                reply["component"] = sent(component["component"])
            elif component["type"] == Kind.ROW:
                reply["components"] = [sent(inner) for inner in component["components"]]
            elif component["type"] != Kind.TEXT:
                key = "values" if component["type"] in _MULTIPLE else "value"
                reply |= {"custom_id": component["custom_id"], key: filled[component["custom_id"]]}
            return reply

        data: Json = {"custom_id": form.custom_id, "components": [sent(one) for one in form.components]}
        if resolved:
            data["resolved"] = resolved
        begun = form.opened_by
        on = begun.on if begun.act is Act.COMPONENT else None
        interaction = self.world.interactions.begin(Act.FORM, self, begun.channel, data, on=on)
        return await self.settled(interaction) if wait else interaction

    # --- commands -----------------------------------------------------------------------------------------------

    async def command(self, name: str, place: Channel | None = None, /, **options: Any) -> Interaction:
        """Call a slash command: `await ada.command("nnquestion ask", thread, topic="backpropagation")`.

        Without a place it is called in the guild's first channel. People, channels, roles and `Upload`s are given as
        such. Comes back when they see what comes of it.
        """
        return await self.settled(self.call(name, place, options))

    def call(self, name: str, place: Channel | None = None, options: Mapping[str, Any] | None = None) -> Interaction:
        """Call a slash command, and do not wait for what comes of it."""
        place = self._may_call(place)
        command, path, parameters = self._slash(name, place)
        resolved: Json = {}
        given = dict(options or {})
        sent = []
        for parameter in parameters:
            value = given.pop(parameter["name"], None)
            if value is not None:
                sent.append(self._option(parameter, value, resolved))
            elif parameter.get("required"):
                raise CannotDo(f"/{name} needs {parameter['name']!r}")
        if given:
            raise CannotDo(f"/{name} has no {sorted(given)}, only {[one['name'] for one in parameters]}")
        return self.world.interactions.begin(Act.COMMAND, self, place, _called(command, path, sent, resolved))

    async def complete(
        self, name: str, option: str, typed: str, place: Channel | None = None, /, **options: Any
    ) -> list[tuple[str, Any]]:
        """Type into an option that autocompletes: the names and values that are offered; none if no answer came."""
        place = self._may_call(place)
        command, path, parameters = self._slash(name, place)
        by_name = {one["name"]: one for one in parameters}
        if not by_name.get(option, {}).get("autocomplete"):
            raise CannotDo(f"/{name} offers nothing for {option!r}")
        resolved: Json = {}
        sent = [self._option(by_name[key], value, resolved) for key, value in options.items()]
        sent.append({"name": option, "type": by_name[option]["type"], "value": typed, "focused": True})
        interaction = self.world.interactions.begin(
            Act.AUTOCOMPLETE,
            self,
            place,
            _called(command, path, sent, resolved),
            completes=Option(by_name[option]["type"]),
        )
        await self.settled(interaction)
        return [(choice["name"], choice["value"]) for choice in interaction.choices]

    async def use_on(self, target: Message | Member, name: str, *, wait: bool = True) -> Interaction:
        """Use a command from the menu of a message or of a member. The bot reads the message whatever its intents."""
        if isinstance(target, Message):
            self._there(target)
            place, kind = self._may_call(target.channel), MESSAGE
            shown = payloads.message(target, viewer=self.world.bot, hides=lambda _: False, host=self.world.host)
            resolved: Json = {"messages": {str(target.id): shown}}
        else:
            place, kind = self._may_call(None), USER
            resolved = _person(target)
        command = self._find(name, kind, place)
        data = _called(command, [], None, resolved) | {"target_id": str(target.id)}
        interaction = self.world.interactions.begin(Act.COMMAND, self, place, data, slash=False)
        return await self.settled(interaction) if wait else interaction

    async def settled(self, interaction: Interaction, patience: float = PATIENCE) -> Interaction:
        """Wait until they see what comes of it: an answer, a form, choices, a failure; no "thinking" any more."""
        await self.world.bell.until(
            lambda: interaction.settled,
            lambda: (
                f"{self.name} still sees no outcome of {interaction.act.name} {interaction.id}, which is "
                f"{'loading' if interaction.loading else interaction.stage.value}. The server's clock stands still: "
                "to see it fail, do not wait, and advance the clock by three seconds"
            ),
            patience,
        )
        return interaction

    # --- what the app lets them do ------------------------------------------------------------------------------

    def _sees(self, place: Channel) -> None:
        if place.deleted or not place.permissions(self.user) & Perm.VIEW_CHANNEL:
            raise CannotDo(f"{self.name} does not see {place.name}")

    def _may(self, place: Channel, permissions: Perm) -> None:
        if place.permissions(self.user) & permissions != permissions:
            raise CannotDo(f"{self.name} may not: {permissions!r} in {place.name}")

    def _may_write(self, place: Channel) -> None:
        if place.locked:
            self._may(place, Perm.MANAGE_THREADS)

    def _short(self, text: str) -> None:
        if len(text) > CONTENT:
            raise CannotDo(f"A message has at most {CONTENT} characters, not {len(text)}")

    def _there(self, message: Message) -> None:
        self._sees(message.channel)
        if message.deleted or (message.seen_by is not None and message.seen_by is not self.user):
            raise CannotDo(f"{self.name} does not see this message")

    def _component(self, message: Message, which: str, kinds: frozenset[Kind]) -> Json:
        self._there(message)
        found = [
            one
            for one in walk(message.components)
            if one["type"] in kinds and which in (one.get("custom_id"), one.get("label"), one.get("placeholder"))
        ]
        if not found or "custom_id" not in found[0]:
            raise CannotDo(f"There is no {which!r} to press here, only {message.labels}")
        if found[0].get("disabled"):
            raise CannotDo(f"{which!r} is disabled")
        self._alive(message.channel)
        return found[0]

    def _alive(self, place: Channel) -> None:
        """In an archived or locked thread interactions fail for members.

        https://github.com/discord/discord-api-docs/issues/5517
        """
        if place.archived or place.locked:
            self._may(place, Perm.MANAGE_THREADS)

    async def _interact(self, message: Message, data: Json, component: Json, wait: bool) -> Interaction:
        data = data | {"id": component["id"]}
        interaction = self.world.interactions.begin(Act.COMPONENT, self, message.channel, data, on=message)
        return await self.settled(interaction) if wait else interaction

    def _may_call(self, place: Channel | None) -> Channel:
        place = place or self.guild.channels[0]
        self._sees(place)
        if place.guild is not None:
            self._may(place, Perm.USE_APPLICATION_COMMANDS)
            if not place.guild.has_bot:
                raise CannotDo(f"The bot is not in {place.guild.name}")
        self._alive(place)
        return place

    def _find(self, name: str, kind: int, place: Channel) -> Json:
        world = self.world
        everything = [*(world.commands.get(place.guild.id, []) if place.guild else []), *world.commands.get(None, [])]
        for command in everything:
            if command["type"] == kind and command["name"] == name:
                contexts = command.get("contexts")
                if contexts is not None and (0 if place.guild else 1) not in contexts:
                    raise CannotDo(f"{name!r} cannot be used here")
                needed = command.get("default_member_permissions")
                if place.guild is not None and needed is not None:
                    self._may(place, Perm(int(needed)) or Perm.ADMINISTRATOR)
                return command
        raise CannotDo(f"There is no command {name!r}, only {sorted(command['name'] for command in everything)}")

    def _slash(self, name: str, place: Channel) -> tuple[Json, list[Json], list[Json]]:
        """A command, the subcommands on the way to what is called, and its parameters."""
        first, *rest = name.removeprefix("/").split()
        command = self._find(first, SLASH, place)
        path: list[Json] = []
        options: list[Json] = command.get("options") or []
        for step in rest:
            nested = [one for one in options if one["name"] == step and one["type"] in (1, 2)]
            if not nested:
                raise CannotDo(f"/{first} has no {step!r}, only {[one['name'] for one in options]}")
            path.append(nested[0])
            options = nested[0].get("options") or []
        if any(one["type"] in (Option.SUBCOMMAND, Option.GROUP) for one in options):
            raise CannotDo(f"/{name} cannot be called by itself, only {[one['name'] for one in options]}")
        return command, path, options

    def _option(self, parameter: Json, given: Any, resolved: Json) -> Json:
        kind, name, value = Option(parameter["type"]), parameter["name"], given
        choices = parameter.get("choices")
        if choices:
            values = {choice[key]: choice["value"] for key in ("value", "name") for choice in choices}
            if value not in values:
                raise CannotDo(f"{name!r} is one of {[choice['name'] for choice in choices]}")
            value = values[value]
        expected: dict[Option, type | tuple[type, ...]] = {
            Option.STRING: str,
            Option.INTEGER: int,
            Option.BOOLEAN: bool,
            Option.NUMBER: (int, float),
            Option.USER: Member,
            Option.CHANNEL: Channel,
            Option.ROLE: Role,
            Option.MENTIONABLE: (Member, Role),
            Option.ATTACHMENT: Upload,
        }
        if not isinstance(given, expected[kind]) and not choices:
            raise CannotDo(f"{name!r} takes {kind.name}, not {value!r}")
        least, most = parameter.get("min_length", 0), parameter.get("max_length", 6000)
        if kind is Option.STRING and not least <= len(value) <= most:
            raise CannotDo(f"{name!r} is too short or too long")
        if kind in (Option.INTEGER, Option.NUMBER):
            low, high = parameter.get("min_value"), parameter.get("max_value")
            if (low is not None and value < low) or (high is not None and value > high):
                raise CannotDo(f"{name!r} is out of bounds")
        if kind is Option.CHANNEL and parameter.get("channel_types") and value.type not in parameter["channel_types"]:
            raise CannotDo(f"{name!r} takes no channel like {value.name}")
        return {"name": name, "type": int(kind), "value": self._resolved(value, resolved)}

    def _resolved(self, value: Any, resolved: Json) -> Any:
        """A value as it is sent; people, channels, roles and files by id, with more of them under `resolved`."""
        match value:
            case Member():
                for key, found in _person(value).items():
                    resolved.setdefault(key, {}).update(found)
            case Channel():
                shown = payloads.resolved_channel(value, self.user, self.world.bot)
                resolved.setdefault("channels", {})[str(value.id)] = shown
            case Role():
                resolved.setdefault("roles", {})[str(value.id)] = payloads.role(value)
            case Upload():
                kept = self.world.upload(value)
                resolved.setdefault("attachments", {})[str(kept.id)] = payloads.attachment(kept, self.world.host)
                return str(kept.id)
            case _:
                return value
        return str(value.id)

    def _filled(self, component: Json, label: str, value: Any, resolved: Json) -> Any:
        """What a place of a form is sent with, after the app has looked at it."""
        kind = Kind(component["type"])
        required = component.get("required", True)
        if kind is Kind.CHECKBOX:
            return bool(component.get("default", False) if value is None else value)
        if kind is Kind.TEXT_INPUT:
            text = component.get("value", "") if value is None else value
            if required and not text:
                raise CannotDo(f"{label!r} has to be filled in")
            if text and not component.get("min_length", 0) <= len(text) <= component.get("max_length", 4000):
                raise CannotDo(f"{label!r} is too short or too long: {len(text)} characters")
            return text
        picked: list[Any] = [] if value is None else [value] if isinstance(value, str) else list(value)
        if kind is Kind.FILE_UPLOAD:
            picked = [Upload(index, name, data) for index, (name, data) in enumerate(picked)]
        elif "options" in component:
            if value is None:
                picked = [one["value"] for one in component["options"] if one.get("default")]
            known = {one["label"]: one["value"] for one in component["options"]}
            picked = [known.get(one, one) for one in picked]
            if not set(picked) <= set(known.values()):
                raise CannotDo(f"{label!r} has the options {sorted(known)}")
        if kind is Kind.RADIO_GROUP:
            if required and not picked:
                raise CannotDo(f"{label!r} has to be chosen")
            return picked[0] if picked else None
        most = component.get("max_values", len(component.get("options", "")) if kind is Kind.CHECKBOX_GROUP else 1)
        if (picked or required) and not component.get("min_values", 1) <= len(picked) <= most:
            raise CannotDo(f"{label!r} takes another number of choices than {len(picked)}")
        return [self._resolved(one, resolved) for one in picked]


def _person(member: Member) -> Json:
    one = str(member.id)
    return {"users": {one: payloads.user(member.user)}, "members": {one: payloads.partial_member(member)}}


def _called(command: Json, path: list[Json], options: list[Json] | None, resolved: Json) -> Json:
    """The data of a command: subcommands nest what they were called with."""
    data: Json = {key: command[key] for key in ("id", "name", "type")}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    if options is not None:
        nested = options
        for step in reversed(path):
            nested = [{"name": step["name"], "type": step["type"], "options": nested}]
        data["options"] = nested
    if resolved:
        data["resolved"] = resolved
    return data
