"""Socket Mode: single-use addresses, sockets, envelopes and their acknowledgements.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

from .deliveries import Delivery
from .errors import Json

if TYPE_CHECKING:
    from .world import World

MOST: Final = 10
"""Sockets that an app may have open."""

WARNING: Final = 10.0
"""Seconds of the server's clock from a disconnect message to the end of the socket."""


class Connection:
    """One socket. What is sent waits in a queue of its own, so that nothing on the server waits for a client."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self._socket = socket
        self._queue: asyncio.Queue[str | bytes | int] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())
        self.silent = False
        """Whether it stays open, but nothing reaches the client any more."""
        self.leaving = False
        """Whether the client has been told to go; it is sent nothing more."""
        self.pongs = 0
        self.awaiting: dict[str, Delivery] = {}
        """What was sent on it and not acknowledged, by envelope_id."""

    def send(self, body: Json) -> None:
        if not self.silent:
            self._queue.put_nowait(json.dumps(body))

    def ping(self) -> None:
        self._queue.put_nowait(b"Ping from applink-loopback")

    def close(self, code: int = 1000) -> None:
        """Close it after all that is still to be sent."""
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """End it without a word, as a network does."""
        self.leaving = True
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
                match await self._queue.get():
                    case str() as text:
                        await self._socket.send_str(text)
                    case bytes() as data:
                        await self._socket.ping(data)
                    case code:
                        await self._socket.close(code=code)
                        return

    async def read(self, sockets: Sockets) -> None:
        async for frame in self._socket:
            match frame.type:
                case WSMsgType.PING:
                    # A silent socket still answers pings: that is what makes it hard to notice.
                    await self._socket.pong(frame.data)
                case WSMsgType.PONG:
                    self.pongs += 1
                    sockets.world.bell.ring()
                case WSMsgType.TEXT:
                    sockets.take(self, frame.data)
                case _:
                    sockets.world.complain(f"Socket Mode takes text, not {frame.type.name}")


class Sockets:
    """All sockets of the app. Each payload goes to one of them, in turn."""

    overdue: Final = "timeout"

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = ""
        self.connections: list[Connection] = []
        self.opened = 0
        """How many sockets there have been."""
        self.refusing = False
        """Whether nobody gets a socket: a handshake is answered 503."""
        self._tickets: set[str] = set()
        self._turn = 0

    # --- what tests order ---------------------------------------------------------------------------------------

    def drop(self) -> None:
        """Cut every socket without a word."""
        for connection in self.connections:
            connection.cut()

    def close(self) -> None:
        """Close every socket in an orderly way."""
        for connection in self.connections:
            connection.leaving = True
            connection.close()

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every client to go: `warning` or `refresh_requested`, ten seconds before the end; `link_disabled`."""
        for connection in self.connections:
            connection.leaving = True
            connection.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-loopback"}})
            if reason == "link_disabled":
                connection.close()
            else:
                self.world.clock.after(WARNING, connection.close)

    def silence(self) -> None:
        """From now on nothing reaches the clients of the sockets that are open; the sockets look well."""
        for connection in self.connections:
            connection.silent = True

    def ping(self) -> None:
        for connection in self.connections:
            connection.ping()

    # --- the wire -----------------------------------------------------------------------------------------------

    def address(self) -> str:
        """A new address for one socket."""
        ticket = str(uuid.uuid4())
        self._tickets.add(ticket)
        return f"{self.url}?ticket={ticket}&app_id={self.world.app.id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if self.refusing:
            return web.Response(status=503)
        if ticket not in self._tickets:
            self.world.complain("A socket was asked for with a ticket that was used before, or never given")
            return web.Response(status=404)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(request, socket)
        if len(self.connections) >= MOST:
            connection.send({"type": "disconnect", "reason": "too_many_websockets"})
            connection.close()
            await connection.read(self)
            await connection.finish()
            return socket
        self.connections.append(connection)
        self.opened += 1
        connection.send(
            {
                "type": "hello",
                "num_connections": len(self.connections),
                "debug_info": {
                    "host": "applink-loopback",
                    "build_number": 1,
                    "approximate_connection_time": 18060,
                },
                "connection_info": {"app_id": self.world.app.id},
            }
        )
        connection.ping()
        self.world.bell.ring()
        try:
            await connection.read(self)
        finally:
            self.connections.remove(connection)
            await connection.finish()
            self.world.bell.ring()
        return socket

    def take(self, connection: Connection, text: str) -> None:
        """What a client says: nothing but acknowledgements."""
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        envelope = body.get("envelope_id") if isinstance(body, dict) else None
        if not isinstance(envelope, str) or set(body) - {"envelope_id", "payload"}:
            self.world.complain(f"An acknowledgement has an envelope_id and perhaps a payload, not {text[:200]!r}")
            return
        delivery = connection.awaiting.pop(envelope, None)
        if delivery is None:
            if any(envelope in one.envelopes for one in self.world.deliveries.all):
                self.world.deliveries.stray.append(envelope)
                self.world.bell.ring()
            else:
                self.world.complain(f"There is no envelope {envelope}")
            return
        answer: Any = body.get("payload")
        if delivery.is_event and answer is not None:
            self.world.complain(f"The event {delivery.name} takes no answer, not {answer!r}")
        self.world.deliveries.acknowledged(delivery, envelope, answer)

    # --- a transport --------------------------------------------------------------------------------------------

    def send(self, delivery: Delivery) -> bool:
        able = [one for one in self.connections if not one.leaving]
        if not able:
            return False
        connection = able[self._turn % len(able)]
        self._turn += 1
        envelope: Json = {
            "envelope_id": delivery.envelope_id,
            "payload": delivery.payload,
            "type": delivery.kind,
            "accepts_response_payload": not delivery.is_event,
        }
        if delivery.is_event:
            # A first delivery has them too: 0 and nothing (https://github.com/slackapi/bolt-js/issues/2487).
            envelope |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        connection.awaiting[delivery.envelope_id] = delivery
        connection.send(envelope)
        return True

    def give_up(self, delivery: Delivery) -> None:
        for connection in self.connections:
            connection.awaiting.pop(delivery.envelope_id, None)

    async def end(self) -> None:
        for connection in list(self.connections):
            connection.close(1001)
        while self.connections:
            await asyncio.sleep(0)
            for connection in list(self.connections):
                connection.cut()
