"""A small bot on an unmodified slack_bolt, for the tests of the loopback Slack itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.wire.slack_server import SlackServer, Team

Json = dict[str, Any]

TICK: Final = "white_check_mark"

PING_INTERVAL: Final = 1.0
"""Real seconds between looks at a socket, and so until a cut one is noticed. Half of it is the time for a pong."""


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(label: str, action_id: str) -> Json:
    return {"type": "button", "text": plain(label), "action_id": action_id, "value": "round-1"}


CARD: Final[list[Json]] = [
    {"type": "header", "text": plain("Question")},
    {"type": "section", "text": {"type": "mrkdwn", "text": "What is a *loss*?"}},
    {
        "type": "actions",
        "block_id": "buttons",
        "elements": [button("Answer", "answer"), button("Count", "count"), button("Later", "later")],
    },
    {
        "type": "actions",
        "block_id": "menus",
        "elements": [
            {
                "type": "static_select",
                "action_id": "pick",
                "placeholder": plain("Level"),
                "options": [{"text": plain("Easy"), "value": "1"}, {"text": plain("Hard"), "value": "2"}],
            },
            {"type": "external_select", "action_id": "topic", "placeholder": plain("Topic"), "min_query_length": 0},
        ],
    },
]

FORM: Final[Json] = {
    "type": "modal",
    "callback_id": "answer_form",
    "title": plain("Your answer"),
    "submit": plain("Send"),
    "notify_on_close": True,
    "private_metadata": "round-1",
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": plain("Answer"),
            "element": {"type": "plain_text_input", "action_id": "typed", "multiline": True, "max_length": 3000},
        },
        {
            "type": "input",
            "block_id": "level",
            "optional": True,
            "label": plain("How sure"),
            "element": {
                "type": "static_select",
                "action_id": "sure",
                "options": [{"text": plain("Sure"), "value": "y"}, {"text": plain("Guess"), "value": "n"}],
            },
        },
        {"type": "actions", "block_id": "more", "elements": [button("Hint", "hint")]},
    ],
}

HOME: Final[Json] = {
    "type": "home",
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "Your answers"}},
        {"type": "actions", "block_id": "home", "elements": [button("Refresh", "refresh")]},
    ],
}


class SampleBot:
    """Posts a card on `/study ask`, keeps what it hears, and marks what is said in threads."""

    def __init__(self, server: SlackServer, team: Team, *, before_response: bool = False) -> None:
        self.session = aiohttp.ClientSession()
        self.client = AsyncWebClient(
            token=team.token, base_url=server.api_url, session=self.session, retry_handlers=[], timeout=10
        )
        self.app = AsyncApp(
            name="study",
            client=self.client,
            signing_secret=server.signing_secret,
            process_before_response=before_response,
        )
        self.heard: list[tuple[str, str, int]] = []
        """Name, text and retry number of every event."""
        self.ids: list[str] = []
        """Their event_ids."""
        self.payloads: list[Json] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._listen()

    def names(self) -> list[str]:
        return [name for name, _, _ in self.heard]

    def texts(self, name: str = "message") -> list[str]:
        return [text for heard, text, _ in self.heard if heard == name]

    def _listen(self) -> None:
        app = self.app
        app.middleware(self._keep)
        app.command("/study")(self._command)
        app.action("answer")(self._answer)
        app.action("count")(self._count)
        app.action("later")(self._later)
        app.action("hint")(self._hint)
        app.action("pick")(self._pick)
        app.action("refresh")(self._refresh)
        app.options("topic")(self._topics)
        app.view("answer_form")(self._sent)
        app.view_closed("answer_form")(self._closed)
        app.shortcut("submit")(self._submit)
        app.shortcut("new")(self._new)
        app.event("app_home_opened")(self._home)
        app.event("message")(self._message)
        # slack_bolt acknowledges no event that it has no listener for, and Slack would send it again.
        app.event(re.compile(".*"))(self._nothing)

    async def _keep(self, request: Any, body: Json, next: Any) -> None:
        self.payloads.append(body)
        if body.get("type") == "event_callback":
            event = body["event"]
            name = ".".join([event["type"], *([event["subtype"]] if "subtype" in event else [])])
            retry = int(request.headers.get("x-slack-retry-num", ["0"])[0])
            self.heard.append((name, event.get("text", ""), retry))
            self.ids.append(body["event_id"])
        await self.gate.wait()
        await next()

    async def _command(self, ack: Any, command: Json, client: AsyncWebClient, respond: Any) -> None:
        match command["text"]:
            case "ask":
                await ack()
                await client.chat_postMessage(channel=command["channel_id"], text="What is a loss?", blocks=CARD)
                await respond("asked")
            case "public":
                await ack({"text": "to everybody", "response_type": "in_channel"})
            case "form":
                await ack()
                await client.views_open(trigger_id=command["trigger_id"], view=FORM)
            case "silent":
                await ack()
            case "never":
                return
            case words:
                await ack(f"said: {words}")

    async def _answer(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    async def _count(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(channel=channel, ts=ts, text="counted")

    async def _later(self, ack: Any, respond: Any) -> None:
        await ack()
        await respond("here it is", replace_original=False)

    async def _hint(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        view = {**FORM, "title": plain("A hint")}
        await client.views_push(trigger_id=body["trigger_id"], view=view)

    async def _pick(self, ack: Any, action: Json, respond: Any) -> None:
        await ack()
        await respond(f"picked {action['selected_option']['value']}", replace_original=True)

    async def _refresh(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_publish(user_id=body["user"]["id"], view=HOME, hash=body["view"]["hash"])

    async def _topics(self, ack: Any, payload: Json) -> None:
        found = [name for name in ("loss", "layers") if name.startswith(payload["value"])]
        await ack(options=[{"text": plain(name), "value": name} for name in found])

    async def _sent(self, ack: Any, body: Json, view: Json, client: AsyncWebClient) -> None:
        words = view["state"]["values"]["words"]["typed"]["value"]
        match words:
            case "short":
                await ack(response_action="errors", errors={"words": "Say a little more"})
            case "more":
                await ack(response_action="update", view={**FORM, "title": plain("And now")})
            case "clear":
                await ack(response_action="clear")
            case _:
                await ack()
                await client.chat_postMessage(channel=body["user"]["id"], text=f"recorded: {words}")

    async def _closed(self, ack: Any) -> None:
        await ack()

    async def _submit(self, ack: Any, shortcut: Json, respond: Any) -> None:
        await ack()
        await respond(f"yours: {shortcut['message']['text']}")

    async def _new(self, ack: Any, shortcut: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=FORM)

    async def _home(self, event: Json, client: AsyncWebClient) -> None:
        if event["tab"] == "home":
            await client.views_publish(user_id=event["user"], view=HOME)

    async def _message(self, event: Json, client: AsyncWebClient) -> None:
        if "subtype" not in event and "thread_ts" in event:
            await client.reactions_add(channel=event["channel"], timestamp=event["ts"], name=TICK)

    async def _nothing(self) -> None:
        """Acknowledges."""


@asynccontextmanager
async def running(server: SlackServer, team: Team, *, before_response: bool = False) -> AsyncIterator[SampleBot]:
    """The bot, connected; at the end it is closed."""
    bot = SampleBot(server, team, before_response=before_response)
    handler: Any = AsyncSocketModeHandler(bot.app, server.app_token, ping_interval=PING_INTERVAL)
    try:
        await handler.connect_async()
        await server.connected()
        yield bot
    finally:
        bot.gate.set()
        await handler.close_async()
        await settle()
        await bot.session.close()


async def settle() -> None:
    """Let the tasks end that slack_bolt and slack_sdk leave behind without a handle on them."""
    own = asyncio.current_task()
    for _ in range(50):
        left = [task for task in asyncio.all_tasks() if task is not own and _is_theirs(task)]
        if not left:
            return
        await asyncio.wait(left, timeout=0.02)


def _is_theirs(task: asyncio.Task[Any]) -> bool:
    name = getattr(task.get_coro(), "__qualname__", "")
    return any(one in name for one in ("run_ack_function_asynchronously", "run_message_listeners", "SocketModeClient"))
