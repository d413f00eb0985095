"""The table of REST routes, what a route is given, and what nearly all of them ask first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import ApiError, Json, Node, Problems, Refusal
from .messages import Upload, fresh
from .model import Channel, Guild, Message
from .permissions import Perm
from .world import World

Answer = tuple[int, Any]
"""Status and body; a body of None is none at all."""

NOTHING: Final[Answer] = (204, None)
_NUMBER: Final = re.compile(r"\d{1,20}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the parameters of its route, its query, its body."""

    parameters: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    uploads: Sequence[Upload] = ()

    def id(self, name: str) -> int:
        value = self.parameters[name]
        if not _NUMBER.fullmatch(value):
            problems = Problems()
            Node(value, problems, (f"{name}_id",)).snowflake()
            problems.settle()
        return int(value)

    @property
    def node(self) -> Node:
        return fresh(self.body if self.body is not None else {})

    @property
    def json(self) -> Json:
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a template, and what answers them."""

    method: str
    template: str
    act: Callable[[World, Call], Answer]
    free: bool = False
    """Without a token, and not counted against the bot's limit over all: the routes of interactions."""
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        object.__setattr__(self, "pattern", re.compile(pattern))


ROUTES: Final[list[Route]] = []


def route(method: str, template: str, *, free: bool = False) -> Callable[..., Callable[[World, Call], Answer]]:
    """Enter a function in the table. The first route that fits wins, so `@me` stands before ids."""

    def enter(act: Callable[[World, Call], Answer]) -> Callable[[World, Call], Answer]:
        ROUTES.append(Route(method, template, act, free))
        return act

    return enter


# --- what routes ask first ------------------------------------------------------------------------------------


def known_guild(world: World, call: Call) -> Guild:
    guild = world.guilds.get(call.id("guild"))
    if guild is None or not guild.has_bot:
        raise ApiError(Refusal.UNKNOWN_GUILD)
    return guild


def seen_channel(world: World, call: Call, needs: Perm = Perm.VIEW_CHANNEL) -> Channel:
    """The channel of a route, if the bot sees it (50001) and may do there what it asks for (50013)."""
    channel = world.channels.get(call.id("channel"))
    if channel is None:
        raise ApiError(Refusal.UNKNOWN_CHANNEL)
    may = channel.permissions(world.bot)
    if not may & Perm.VIEW_CHANNEL:
        raise ApiError(Refusal.MISSING_ACCESS)
    if may & needs != needs:
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    return channel


def known_message(channel: Channel, call: Call) -> Message:
    message = channel.by_id.get(call.id("message"))
    if message is None:
        raise ApiError(Refusal.UNKNOWN_MESSAGE)
    return message


def may(world: World, channel: Channel, needs: Perm) -> bool:
    return channel.permissions(world.bot) & needs == needs
