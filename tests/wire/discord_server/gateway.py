"""The gateway: sessions with their sequence numbers and everything they were sent, and the sockets they come in on.

https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

from . import payloads
from .errors import Json
from .intents import KNOWN, PRIVILEGED, Intent

if TYPE_CHECKING:
    from .world import World


class Op(IntEnum):
    """Opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(IntEnum):
    """Why the server closes a socket. After 4004 and from 4010 on a client must not come back."""

    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    INVALID_SHARD = 4010
    INVALID_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


PAYLOAD: Final = 4096
"""Bytes that a client may send at once."""

SENDS: Final = 120
"""Payloads that a client may send in 60 seconds (of real time)."""


@dataclass(eq=False, slots=True)
class Session:
    """What an IDENTIFY begins. It outlives its sockets until it is forgotten, and can be resumed that long."""

    id: str
    intents: Intent
    shard: tuple[int, int]
    sequence: int = 0
    sent: list[tuple[int, str]] = field(default_factory=list, repr=False)
    connection: Connection | None = None
    heard: int = 0
    """The sequence number in the client's last heartbeat: it has read this far."""
    rewrite: Callable[[str, Json], Json] = field(default=lambda event, data: data, repr=False)

    def hears(self, guild: int | None) -> bool:
        """Whether events of a guild go to its shard. Direct messages go to shard 0."""
        number, count = self.shard
        return number == (0 if guild is None else (guild >> 22) % count)

    def dispatch(self, event: str, data: Json) -> None:
        """Number an event, keep it for a replay, and send it if there is a socket."""
        self.sequence += 1
        data = self.rewrite(event, data)
        text = json.dumps({"op": Op.DISPATCH, "s": self.sequence, "t": event, "d": data})
        self.sent.append((self.sequence, text))
        if self.connection is not None:
            self.connection.send_text(text)


class Connection:
    """One socket. What is sent waits in a queue of its own, so that nothing on the server waits for a client."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self._socket = socket
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self._deflate = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        self._writer = asyncio.create_task(self._write())
        self.received: deque[float] = deque()
        self.session: Session | None = None

    def send(self, op: Op, data: Any) -> None:
        self.send_text(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def send_text(self, text: str) -> None:
        self._queue.put_nowait(text)

    def close(self, code: int) -> None:
        """Close it after all that is still to be sent."""
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """End it without a word, as a network does."""
        self._writer.cancel()
        if self._request.transport is not None:
            self._request.transport.abort()

    async def finish(self) -> None:
        self._writer.cancel()
        with suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                item = await self._queue.get()
                if isinstance(item, int):
                    await self._socket.close(code=item)
                    return
                if self._deflate is None:
                    await self._socket.send_str(item)
                else:
                    data = self._deflate.compress(item.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                    await self._socket.send_bytes(data)


class Gateway:
    """All sessions, and what can go wrong with them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connections: set[Connection] = set()
        self.url = ""
        self.heartbeat_interval = 41.25
        """Seconds, as HELLO says."""
        self.sessions: dict[str, Session] = {}
        self.identifies: list[Json] = []
        """What every IDENTIFY said, without its token. A bot has 1,000 a day."""
        self.resumes = 0
        """How many RESUMEs succeeded."""
        self.refusing = False
        """While it is set, new sockets are answered with 503."""
        self.rewrite: Callable[[str, Json], Json] = lambda event, data: data
        """What a test makes of events before they are sent, to speak as other servers do that are less exact."""
        self.acknowledging = True
        """While it is not, heartbeats get no answer."""

    @property
    def connected(self) -> list[Session]:
        """The sessions that have a socket now."""
        return [session for session in self.sessions.values() if session.connection is not None]

    def dispatch(
        self, event: str, payload: Json | Callable[[Intent], Json], *, intent: Intent, guild: int | None
    ) -> None:
        """Send an event to every session that asked for it, connected or not. Several sessions all get it."""
        for session in self.sessions.values():
            if session.hears(guild) and (not intent or session.intents & intent):
                session.dispatch(event, payload(session.intents) if callable(payload) else payload)

    # --- what goes wrong ------------------------------------------------------------------------------------------

    def drop(self, code: int | None = None) -> None:
        """Cut every socket, or close it with a code. The sessions stay, and are replayed when they are resumed."""
        for connection in list(self._connections):
            if connection.session is not None:
                connection.session.connection = None
            if code is None:
                connection.cut()
            else:
                connection.close(code)

    def ask_to_reconnect(self) -> None:
        """Op 7: come back and resume."""
        for session in self.connected:
            assert session.connection is not None
            session.connection.send(Op.RECONNECT, None)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9. Not resumable, the sessions are forgotten, and whatever happens until the next IDENTIFY is missed."""
        for session in self.connected:
            assert session.connection is not None
            session.connection.send(Op.INVALID_SESSION, resumable)
            if not resumable:
                self.forget(session)

    def forget(self, session: Session | None = None) -> None:
        """Let a session, or all, expire: a RESUME gets op 9."""
        for one in [session] if session else list(self.sessions.values()):
            self.sessions.pop(one.id, None)
            if one.connection is not None:
                one.connection.session = None
                one.connection = None

    def ask_for_heartbeats(self) -> None:
        """Op 1: the clients say at once how far they have read."""
        for session in self.connected:
            assert session.connection is not None
            session.connection.send(Op.HEARTBEAT, None)

    # --- the sockets --------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusing:
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self._connections.add(connection)
        self._world.bell.ring()
        try:
            if (request.query.get("v"), request.query.get("encoding")) != ("10", "json"):
                connection.close(Close.INVALID_VERSION)
            else:
                connection.send(Op.HELLO, {"heartbeat_interval": int(self.heartbeat_interval * 1000)})
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    connection.close(Close.DECODE_ERROR)
                    continue
                refused = self._receive(connection, message.data)
                if refused is not None:
                    connection.close(refused)
        finally:
            self._connections.discard(connection)
            await connection.finish()
            session = connection.session
            if session is not None and session.connection is connection:
                session.connection = None
                if socket.close_code in (1000, 1001):  # the client said that it will not come back
                    self.forget(session)
            self._world.bell.ring()
        return socket

    async def close(self) -> None:
        """End every socket, at the end of a test."""
        for connection in list(self._connections):
            connection.close(1001)

    def _receive(self, connection: Connection, text: str) -> Close | None:
        """Act on one payload of a client; the code to close with if it was not allowed."""
        now = time.monotonic()
        connection.received.append(now)
        while connection.received[0] < now - 60:
            connection.received.popleft()
        if len(connection.received) > SENDS:
            return Close.RATE_LIMITED
        try:
            payload = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError, AttributeError):
            return Close.DECODE_ERROR
        if len(text.encode()) > PAYLOAD:
            return Close.DECODE_ERROR
        match op:
            case Op.HEARTBEAT:
                self._heartbeat(connection, data)
            case Op.IDENTIFY | Op.RESUME if connection.session is not None:
                return Close.ALREADY_AUTHENTICATED
            case Op.IDENTIFY:
                return self._identify(connection, data)
            case Op.RESUME:
                return self._resume(connection, data)
            case Op.PRESENCE | Op.VOICE_STATE | Op.REQUEST_MEMBERS:
                if connection.session is None:
                    return Close.NOT_AUTHENTICATED
                if op == Op.REQUEST_MEMBERS:
                    self._members(connection.session, data)
            case _:
                return Close.UNKNOWN_OPCODE
        return None

    def _heartbeat(self, connection: Connection, sequence: int | None) -> None:
        if connection.session is not None:
            connection.session.heard = sequence or 0
        if self.acknowledging:
            connection.send(Op.HEARTBEAT_ACK, None)
        self._world.bell.ring()

    def _identify(self, connection: Connection, data: Json) -> Close | None:
        if data.get("token") != self._world.application.token:
            return Close.AUTHENTICATION_FAILED
        wanted = data.get("intents")
        if not isinstance(wanted, int) or wanted & ~KNOWN:
            return Close.INVALID_INTENTS
        if wanted & PRIVILEGED & ~self._world.application.granted:
            return Close.DISALLOWED_INTENTS
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            return Close.INVALID_SHARD
        self.identifies.append({key: value for key, value in data.items() if key != "token"})
        session = Session(secrets.token_hex(16), Intent(wanted), (number, count))
        session.rewrite = lambda event, data: self.rewrite(event, data)
        self.sessions[session.id] = session
        self._attach(connection, session)
        world = self._world
        guilds = [guild for guild in world.guilds.values() if guild.has_bot and session.hears(guild.id)]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": payloads.user(world.bot) | {"verified": True, "email": None, "flags": 0, "mfa_enabled": True},
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds if guild.named],
                "session_id": session.id,
                "resume_gateway_url": self.url,
                "shard": [number, count],
                "application": {"id": str(world.application.id), "flags": 0},
                "private_channels": [],
                "relationships": [],
                "session_type": "normal",
            },
        )
        for guild in guilds:
            if not guild.named:
                continue
            if guild.available and session.intents & Intent.GUILDS:
                session.dispatch("GUILD_CREATE", world.guild_create(guild, session.intents))
            elif not guild.available:
                session.dispatch("GUILD_DELETE", {"id": str(guild.id), "unavailable": True})
        world.bell.ring()
        return None

    def _resume(self, connection: Connection, data: Json) -> Close | None:
        if data.get("token") != self._world.application.token:
            return Close.AUTHENTICATION_FAILED
        session = self.sessions.get(str(data.get("session_id")))
        if session is None:
            connection.send(Op.INVALID_SESSION, False)
            return None
        read = data.get("seq")
        if not isinstance(read, int) or not 0 <= read <= session.sequence:
            return Close.INVALID_SEQUENCE
        self._attach(connection, session)
        for number, text in session.sent:
            if number > read:
                connection.send_text(text)
        session.dispatch("RESUMED", {})
        self.resumes += 1
        self._world.bell.ring()
        return None

    def _attach(self, connection: Connection, session: Session) -> None:
        if session.connection is not None:
            session.connection.session = None
            session.connection.close(4000)
        session.connection = connection
        connection.session = session

    def _members(self, session: Session, data: Json) -> None:
        """GUILD_MEMBERS_CHUNK: by id or by the beginning of a name; everybody only with the members intent."""
        guild = self._world.guilds.get(int(data.get("guild_id") or 0))
        if guild is None or not guild.has_bot:
            return
        wanted = {int(one) for one in data.get("user_ids") or ()}
        query = (data.get("query") or "").lower()
        everybody = not wanted and not query
        if everybody and not session.intents & Intent.GUILD_MEMBERS:
            return
        found = [
            payloads.member(member)
            for member in guild.by_id.values()
            if everybody or member.id in wanted or (query and member.name.lower().startswith(query))
        ]
        chunk = {"guild_id": str(guild.id), "members": found, "chunk_index": 0, "chunk_count": 1}
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk | ({"nonce": data["nonce"]} if data.get("nonce") else {}))
