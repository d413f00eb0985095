"""HTTP mode: the same payloads, POSTed and signed, to an address that the test gives.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp

from .deliveries import UNREACHABLE, Delivery
from .errors import Json

if TYPE_CHECKING:
    from .world import World

FAILED: Final = "http_service_error"
"""What a person reads when the bot answered with anything but 200."""


class Poster:
    """Sends payloads by HTTP."""

    overdue: Final = "http_timeout"

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._posts: dict[str, asyncio.Task[None]] = {}

    def signed(self, body: str, *, secret: str | None = None, age: float = 0.0) -> dict[str, str]:
        """The headers of a signature, `age` seconds old. The stamp is of real time, by which clients check it."""
        stamp = str(int(time.time() - age))
        key = self.world.app.signing_secret if secret is None else secret
        digest = hmac.new(key.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    async def post(self, body: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of the answer."""
        async with self._session.post(self.url, data=body.encode(), headers=headers, allow_redirects=False) as answer:
            return answer.status, {key.lower(): value for key, value in answer.headers.items()}, await answer.text()

    async def verify(self) -> bool:
        """Whether the address answers `url_verification` with the challenge."""
        challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
        body = json.dumps({"token": self.world.app.verification, "challenge": challenge, "type": "url_verification"})
        status, _, text = await self.post(body, {"Content-Type": "application/json", **self.signed(body)})
        with suppress(ValueError):
            text = json.loads(text)["challenge"]
        return status == 200 and text == challenge

    async def forge(self, payload: Json, *, secret: str = "another secret", age: float = 0.0) -> int:
        """Send an event as somebody else would: with a signature of another secret, or an old one. The status."""
        body = json.dumps(payload)
        headers = {"Content-Type": "application/json", **self.signed(body, secret=secret, age=age)}
        return (await self.post(body, headers))[0]

    # --- a transport --------------------------------------------------------------------------------------------

    def send(self, delivery: Delivery) -> bool:
        envelope = delivery.envelope_id
        self._posts[envelope] = asyncio.get_running_loop().create_task(self._deliver(delivery, envelope))
        return True

    def give_up(self, delivery: Delivery) -> None:
        task = self._posts.pop(delivery.envelope_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _deliver(self, delivery: Delivery, envelope: str) -> None:
        body, kind = encoded(delivery)
        headers = {"Content-Type": kind, **self.signed(body)}
        if delivery.attempt:
            headers |= {"X-Slack-Retry-Num": str(delivery.attempt), "X-Slack-Retry-Reason": delivery.reason}
        deliveries = self.world.deliveries
        try:
            status, answered, text = await self.post(body, headers)
        except aiohttp.ClientError:
            deliveries.failed(delivery, envelope, "connection_failed", UNREACHABLE)
            return
        delivery.refused = answered.get("x-slack-no-retry") == "1"
        if not 200 <= status < 300 or (status != 200 and not delivery.is_event):
            deliveries.failed(delivery, envelope, "http_error", FAILED)
            return
        answer: Any = None
        if text and not delivery.is_event:
            answer = {"text": text}
            if answered.get("content-type", "").startswith("application/json"):
                try:
                    answer = json.loads(text)
                except ValueError:
                    self.world.complain(f"The answer to {delivery.name} says that it is JSON: {text[:200]!r}")
                    deliveries.failed(delivery, envelope, "http_error", FAILED)
                    return
        deliveries.acknowledged(delivery, envelope, answer)
        self._posts.pop(envelope, None)

    async def end(self) -> None:
        for task in list(self._posts.values()):
            task.cancel()
        await asyncio.gather(*self._posts.values(), return_exceptions=True)
        await self._session.close()


def encoded(delivery: Delivery) -> tuple[str, str]:
    """Body and type: events are JSON, commands are forms, interactions are JSON in a form."""
    if delivery.is_event:
        return json.dumps(delivery.payload), "application/json"
    form = delivery.payload if delivery.kind == "slash_commands" else {"payload": json.dumps(delivery.payload)}
    return urlencode(form), "application/x-www-form-urlencoded"
