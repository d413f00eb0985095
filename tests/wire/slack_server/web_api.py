"""The Web API's face: arguments read, faults met, tokens and scopes checked, limits counted; then the method."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from . import message_methods, methods  # noqa: F401 (they fill the table)
from .errors import Json, SlackError
from .faults import RESPONSE_URL, Cut, Faults, Order, Page, RateLimited, When
from .model import Team
from .routing import METHODS, Call, Method
from .world import World

BASE: Final = "/api/"


@dataclass(eq=False, slots=True)
class Request:
    """One request as it came, and what became of it."""

    method: str
    """The method's name; `response_url` or `upload` for those."""
    verb: str
    headers: Mapping[str, str] = field(repr=False)
    arguments: Json = field(default_factory=dict)
    """From query, form or JSON; blocks and views of forms are still text."""
    status: int | None = None
    """None while it is being worked on, and for a connection that was cut."""
    answer: Any = field(default=None, repr=False)
    known: bool = True
    """Whether there is such a method at all."""

    @property
    def ok(self) -> bool:
        return self.status == 200 and (not isinstance(self.answer, dict) or bool(self.answer.get("ok", True)))

    def __str__(self) -> str:
        error = self.answer.get("error") if isinstance(self.answer, dict) else self.answer
        return f"{self.verb} {self.method} -> {self.status or 'no answer'}{f' {error}' if error else ''}"


class WebApi:
    """All requests, in the order they came."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self.requests: list[Request] = []
        self.in_flight = 0

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """A method."""
        name = http.match_info["method"]
        request = Request(name, http.method, dict(http.headers), known=name in METHODS)
        return await self._answered(http, request, self._call)

    async def respond(self, http: web.Request) -> web.StreamResponse:
        """A POST to a response_url."""
        return await self._answered(http, Request(RESPONSE_URL, http.method, dict(http.headers)), self._respond)

    async def upload(self, http: web.Request) -> web.StreamResponse:
        """The bytes of a file."""
        return await self._answered(http, Request("upload", http.method, dict(http.headers)), self._upload)

    async def _answered(self, http: web.Request, request: Request, act: Any) -> web.StreamResponse:
        self.requests.append(request)
        self.in_flight += 1
        # What was asked for happens also if the client gives up: the work is the server's own.
        work = asyncio.get_running_loop().create_task(self._work(http, request, act))
        return await asyncio.shield(work)

    async def _work(self, http: web.Request, request: Request, act: Any) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            body = await self._read(http, request)
            order = self._faults.meet(request.method, request.arguments)
            await _strike(order, When.BEFORE)
            answer = act(http, request, body, headers)
            await _strike(order, When.AFTER)
            request.status, request.answer = 200, answer
        except SlackError as error:
            # A response_url is a webhook: its refusals are not 200.
            request.status = 200 if request.method != RESPONSE_URL else 404 if "url" in error.error else 400
            request.answer = error.body
        except RateLimited as limited:
            request.status, request.answer = 429, {"ok": False, "error": "ratelimited"}
            headers["Retry-After"] = str(int(limited.retry_after))
        except Page as page:
            request.status = page.status
            return web.Response(status=page.status, text=page.text, content_type=page.content_type)
        except Cut:
            if http.transport is not None:
                http.transport.abort()
            return web.Response()
        except ConnectionError:  # The client has gone in the middle of its request, so that nothing was asked for.
            return web.Response()
        except Exception as error:
            self._world.complain(f"The server itself failed at {request.method}: {error!r}")
            raise
        finally:
            self.in_flight -= 1
            self._world.bell.ring()
        if isinstance(request.answer, str):
            return web.Response(status=request.status, text=request.answer)
        return web.json_response(request.answer, status=request.status, headers=headers)

    # --- reading ------------------------------------------------------------------------------------------------

    async def _read(self, http: web.Request, request: Request) -> bytes:
        """The body; and the arguments in it and in the query. JSON counts only for methods that read it."""
        body = await http.read()
        request.arguments = dict(http.query)
        if request.method == "upload":
            return body
        if http.content_type == "application/json":
            if not body or (request.known and request.method in METHODS and not METHODS[request.method].reads_json):
                return body
            try:
                given = json.loads(body)
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(given, dict):
                raise SlackError("json_not_object")
            request.arguments |= given
        elif http.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
            request.arguments |= {key: value for key, value in (await http.post()).items() if isinstance(value, str)}
        elif body:
            raise SlackError("invalid_post_type")
        return body

    # --- acting -------------------------------------------------------------------------------------------------

    def _call(self, http: web.Request, request: Request, body: bytes, headers: dict[str, str]) -> Json:
        if not request.known:
            raise SlackError("unknown_method", req_method=request.method)
        method = METHODS[request.method]
        team = self._team(method, _token(http, request))
        headers["x-oauth-scopes"] = ",".join(sorted(team.scopes))
        headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
        call = Call(self._world, team, {key: value for key, value in request.arguments.items() if value is not None})
        if method.scopes and not method.app_token:
            call.scope(*method.scopes)
        self._world.limits.take(team.id, method.name, method.tier, request.arguments)
        if method.app_token and request.verb != "POST":
            raise SlackError("insecure_request")
        return {"ok": True, **method.act(call)}

    def _team(self, method: Method, token: str) -> Team:
        """The workspace of a token, or what is wrong with it."""
        world = self._world
        if not token:
            raise SlackError("not_authed")
        if token == world.app.app_token:
            if world.app.app_token_revoked:
                raise SlackError("invalid_auth")
            if not method.app_token:
                raise SlackError("not_allowed_token_type")
            return next(iter(world.teams.values()), None) or world.make_team("Empty")
        found = [team for team in world.teams.values() if team.token == token]
        if not found:
            raise SlackError("invalid_auth")
        if not found[0].installed:
            raise SlackError("account_inactive")
        if found[0].revoked:
            raise SlackError("token_revoked")
        if method.app_token:
            raise SlackError("not_allowed_token_type")
        return found[0]

    def _respond(self, http: web.Request, request: Request, body: bytes, headers: dict[str, str]) -> str:
        self._world.interactions.respond(http.match_info["token"], request.arguments)
        return "ok"

    def _upload(self, http: web.Request, request: Request, body: bytes, headers: dict[str, str]) -> str:
        file = self._world.files.get(http.match_info["file"])
        if file is None:
            raise SlackError("file_not_found")
        if len(body) != file["size"]:
            self._world.complain(f"{file['name']} was said to have {file['size']} bytes, and has {len(body)}")
        file["data"] = body
        return f"OK - {len(body)}"


async def _strike(order: Order | None, when: When) -> None:
    if order is not None and order.when is when:
        await order.strike()


def _token(http: web.Request, request: Request) -> str:
    """The token, from the header or, in a query or a form only, an argument."""
    header = re.fullmatch(r"Bearer (\S+)", http.headers.get("Authorization", ""))
    if header:
        return header[1]
    argument = request.arguments.pop("token", "") if http.content_type != "application/json" else ""
    return argument if isinstance(argument, str) else ""
