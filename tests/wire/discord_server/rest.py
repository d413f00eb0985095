"""The REST face: bodies read, faults met, limits counted, tokens checked; then the route; then the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from . import message_routes, routes  # noqa: F401 (they fill the table)
from .errors import ApiError, Json, Refusal
from .faults import Cut, Faults, Order, When
from .limits import MAJOR, Limited, Limits
from .messages import Upload
from .routing import ROUTES, Answer, Call, Route
from .world import World

BASE: Final = "/api/v10"
REQUEST_SIZE: Final = 25 * 2**20
_FILE: Final = re.compile(r"files\[(\d+)\]")


@dataclass(eq=False, slots=True)
class Request:
    """One request as it came, and what became of it."""

    method: str
    path: str
    """Without `/api/v10` and the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(default=None, repr=False)
    uploads: list[Upload] = field(default_factory=list, repr=False)
    status: int | None = None
    """None while it is being worked on, and for a connection that was cut."""
    answer: Any = field(default=None, repr=False)
    known: bool = True
    """Whether there is such a route at all."""

    def __str__(self) -> str:
        code = f" {self.answer['code']}" if isinstance(self.answer, dict) and "code" in self.answer else ""
        return f"{self.method} {self.path} -> {self.status or 'no answer'}{code}"


class Rest:
    """All requests, in the order they came."""

    def __init__(self, world: World, faults: Faults, limits: Limits) -> None:
        self._world = world
        self._faults = faults
        self._limits = limits
        self.requests: list[Request] = []
        self.in_flight = 0

    async def handle(self, http: web.Request) -> web.StreamResponse:
        path = http.rel_url.raw_path.removeprefix(BASE)
        request = Request(http.method, unquote(path), dict(http.query), dict(http.headers))
        self.requests.append(request)
        self.in_flight += 1
        try:
            return await self._handle(http, request, path)
        finally:
            self.in_flight -= 1
            self._world.bell.ring()

    async def _handle(self, http: web.Request, request: Request, path: str) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            try:
                await _read(http, request)
                order = self._faults.meet(request.method, request.path)
                if order is not None and order.when is When.BEFORE:
                    await _strike(order)
                status, body = self._act(request, path, headers)
                if order is not None and order.when is When.AFTER:
                    await _strike(order)
            except ApiError as error:
                status, body = error.status, error.body
            except Limited as over:
                status, body = 429, over.body
                headers |= over.headers
        except _Page as page:
            request.status = page.status
            return web.Response(status=page.status, text="<html>error</html>", content_type="text/html")
        except ConnectionError:  # The client has gone in the middle of its request, so that nothing was asked for.
            return web.Response()
        except Cut:
            if http.transport is not None:
                http.transport.abort()
            return web.Response()
        request.status, request.answer = status, body
        if body is None:
            return web.Response(status=status, headers=headers)
        # discord.py reads a body as JSON only if this says exactly that, without a charset.
        headers["Content-Type"] = "application/json"
        return web.Response(status=status, headers=headers, body=json.dumps(body).encode())

    def _act(self, request: Request, path: str, headers: dict[str, str]) -> Answer:
        route, parameters = self._find(request, path)
        major = "/".join(parameters[key] for key in (*MAJOR, "token") if key in parameters)
        headers |= self._limits.take(request.method, route.template, major, counts=not route.free)
        if not route.free and request.headers.get("Authorization") != f"Bot {self._world.application.token}":
            raise ApiError(Refusal.UNAUTHORIZED)
        return route.act(self._world, Call(parameters, request.query, request.body, request.uploads))

    def _find(self, request: Request, path: str) -> tuple[Route, dict[str, str]]:
        other = False
        for route in ROUTES:
            found = route.pattern.fullmatch(path)
            if found is not None and route.method == request.method:
                return route, {key: unquote(value) for key, value in found.groupdict().items()}
            other = other or found is not None
        request.known = False
        raise ApiError(Refusal.METHOD_NOT_ALLOWED if other else Refusal.NOT_FOUND)


class _Page(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


async def _strike(order: Order) -> None:
    if order.error is not None:
        raise order.error
    if order.status is not None:
        raise _Page(order.status)
    await order.hold()


async def _read(http: web.Request, request: Request) -> None:
    """The body: JSON, or a form with `payload_json` and files. Anything else is refused."""
    if http.content_length is not None and http.content_length > REQUEST_SIZE:
        raise ApiError(Refusal.TOO_LARGE)
    if http.content_type == "multipart/form-data":
        await _read_form(http, request)
        return
    text = await http.read()
    if not text:
        return
    if http.content_type != "application/json":
        problem = {"code": "CONTENT_TYPE_INVALID", "message": 'Expected "Content-Type" header to be application/json.'}
        raise ApiError(Refusal.INVALID_FORM, {"_errors": [problem]})
    request.body = _json(text)


async def _read_form(http: web.Request, request: Request) -> None:
    request.body = {}
    async for part in await http.multipart():
        # A part of parts would be a reader without a name; Discord has none.
        name, data = getattr(part, "name", None) or "", await part.read()  # type: ignore[union-attr]
        numbered = _FILE.fullmatch(name)
        if name == "payload_json":
            request.body = _json(bytes(data))
        elif numbered is not None:
            filename = getattr(part, "filename", None) or "unknown"
            request.uploads.append(Upload(int(numbered[1]), filename, bytes(data)))
        else:
            raise ApiError(
                Refusal.INVALID_FORM, {name: {"_errors": [{"code": "UNKNOWN_PART", "message": "No such part"}]}}
            )


def _json(text: bytes) -> Json | list[Any]:
    try:
        body = json.loads(text)
    except ValueError:
        raise ApiError(Refusal.INVALID_JSON) from None
    if not isinstance(body, dict | list):
        raise ApiError(Refusal.INVALID_JSON)
    return body
