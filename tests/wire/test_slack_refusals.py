"""The loopback Slack, asked for what it must not give: each request with the word that Slack answers it with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.slack_server import (
    SCOPES,
    TROUBLE,
    CannotDo,
    Channel,
    Guest,
    Member,
    Message,
    Outcome,
    SlackServer,
    Team,
    View,
    words_of,
)
from tests.wire.slack_server.block_kit import check_blocks
from tests.wire.slack_server.errors import Node, Problems
from tests.wire.slack_server.writing import mentioned

Json = dict[str, Any]


@dataclass(slots=True)
class Scene:
    """A workspace with a card of the bot, messages of Ada's, and a client without any manners."""

    server: SlackServer
    http: aiohttp.ClientSession
    team: Team
    channel: Channel
    private: Channel
    elsewhere: Channel
    archived: Channel
    ada: Member
    admin: Member
    hers: Message
    reply: Message
    card: Message

    async def ask(self, method: str, body: Json | None = None, *, token: str | None = None, how: str = "json") -> Any:
        """Call a method; what it answers. An argument may be `{channel}`, `{card}`... for an id."""
        ids = {
            "channel": self.channel.id,
            "private": self.private.id,
            "elsewhere": self.elsewhere.id,
            "archived": self.archived.id,
            "ada": self.ada.id,
            "dm": self.ada.dm.id,
            "admin": self.admin.id,
            "bot": self.team.bot.id,
            "hers": self.hers.ts,
            "reply": self.reply.ts,
            "card": self.card.ts,
        }
        ids = {f"{{{name}}}": identity for name, identity in ids.items()}
        filled = {
            key: ids.get(value, value) if isinstance(value, str) else value for key, value in (body or {}).items()
        }
        headers = {"Authorization": f"Bearer {self.team.token if token is None else token}"} if token != "" else {}
        url = self.server.api_url + method
        kind: Json = {"json": filled} if how == "json" else {"data" if how == "form" else "params": filled}
        async with self.http.post(url, headers=headers, **kind) as answer:
            assert answer.status == 200
            return await answer.json()

    async def trigger(self) -> str:
        outcome = await self.ada.command("/x", "", self.channel, wait=False)
        return outcome.trigger_id

    async def form(self, view: Json) -> View:
        assert (await self.ask("views.open", {"trigger_id": await self.trigger(), "view": view}))["ok"]
        assert self.ada.modal is not None
        return self.ada.modal


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with SlackServer(commands=frozenset({"/x"})) as server, aiohttp.ClientSession() as http:
        team = server.team("Study")
        channel, ada, admin = team.channel("general"), team.user("ada"), team.user("eve", admin=True)
        private = team.channel("secret", private=True, bot=False)
        elsewhere, archived = team.channel("elsewhere", bot=False), team.channel("old")
        archived.archive()
        hers = await ada.say(channel, "hello")
        reply = await ada.say(channel, "reply", thread=hers)
        scene = Scene(server, http, team, channel, private, elsewhere, archived, ada, admin, hers, reply, hers)
        card = {"channel": "{channel}", "text": "card", "blocks": [actions(button("a"), url_button())]}
        scene.card = channel.by_ts[(await scene.ask("chat.postMessage", card))["ts"]]
        yield scene


# --- bodies of messages ---------------------------------------------------------------------------------------


def plain(text: str = "t") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "t") -> Json:
    return {"type": "mrkdwn", "text": text}


def button(action_id: str = "a", **more: Any) -> Json:
    return {"type": "button", "text": plain("Answer"), "action_id": action_id, **more}


def url_button() -> Json:
    return button("link", url="https://example.org")


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def section(**more: Any) -> Json:
    return {"type": "section", **more}


def option(value: str = "v", label: str = "l", **more: Any) -> Json:
    return {"text": plain(label), "value": value, **more}


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option()], **more}


def grouped(*groups: Json) -> Json:
    return {"type": "static_select", "action_id": "s", "option_groups": list(groups)}


def group(label: str = "g") -> Json:
    return {"label": plain(label), "options": [option()]}


def confirm(**more: Any) -> Json:
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **more}


def typed(**more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "i", **more}
    return {"type": "input", "block_id": "words", "label": plain("Words"), "element": element}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def table(**more: Any) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]], **more}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://x.y/z.png", "alt_text": "a", **more}


WORD = {"type": "text", "text": "w"}
OVERFLOW = {"type": "overflow", "action_id": "o", "options": [option(str(n)) for n in range(6)]}

BAD_BLOCKS: list[tuple[str, Any, str]] = [
    ("51 blocks", [{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ("unknown block", [{"type": "stage"}], "unsupported type: stage [json-pointer:/blocks/0/type]"),
    ("no type", [{}], "[json-pointer:/blocks/0/type]"),
    ("block of a list", [[]], "[json-pointer:/blocks/0/type]"),
    ("additional", [{"type": "divider", "x": 1}], "invalid additional property: x [json-pointer:/blocks/0]"),
    ("null", [section(text=mrkdwn(), accessory=None)], "[json-pointer:/blocks/0/accessory]"),
    ("section of nothing", [section()], "missing required field: text [json-pointer:/blocks/0]"),
    (
        "section of 3001",
        [section(text=mrkdwn("x" * 3001))],
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    ("empty text", [section(text=mrkdwn(""))], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ("text that is a string", [section(text="x")], "must be an object [json-pointer:/blocks/0/text]"),
    ("text of no type", [section(text={"type": "html", "text": "x"})], "[json-pointer:/blocks/0/text/type]"),
    ("emoji with mrkdwn", [section(text={**mrkdwn(), "emoji": True})], "invalid additional property: emoji"),
    ("11 fields", [section(fields=[plain()] * 11)], "[json-pointer:/blocks/0/fields]"),
    ("field of 2001", [section(fields=[plain("x" * 2001)])], "[json-pointer:/blocks/0/fields/0/text]"),
    ("header of 151", [{"type": "header", "text": plain("x" * 151)}], "[json-pointer:/blocks/0/text/text]"),
    ("header of mrkdwn", [{"type": "header", "text": mrkdwn()}], "[json-pointer:/blocks/0/text/type]"),
    ("context of 11", [{"type": "context", "elements": [mrkdwn()] * 11}], "[json-pointer:/blocks/0/elements]"),
    ("context of none", [{"type": "context", "elements": []}], "[json-pointer:/blocks/0/elements]"),
    ("26 buttons", [actions(*(button(str(n)) for n in range(26)))], "no more than 25 items allowed"),
    ("input in actions", [actions(typed()["element"])], "unsupported type: plain_text_input"),
    ("button of 76", [actions(button(text=plain("x" * 76)))], "[json-pointer:/blocks/0/elements/0/text/text]"),
    ("button of mrkdwn", [actions(button(text=mrkdwn()))], "[json-pointer:/blocks/0/elements/0/text/type]"),
    ("value of 2001", [actions(button(value="x" * 2001))], "[json-pointer:/blocks/0/elements/0/value]"),
    ("url of 3001", [actions(button(url="x" * 3001))], "[json-pointer:/blocks/0/elements/0/url]"),
    ("action_id of 256", [actions(button("x" * 256))], "[json-pointer:/blocks/0/elements/0/action_id]"),
    ("action_id twice", [actions(button(), button())], "`action_id` a already exists"),
    ("value of a number", [actions(button(value=5))], "must be a string [json-pointer:/blocks/0/elements/0/value]"),
    ("elements that are one", [{"type": "actions", "elements": button()}], "must be an array"),
    ("style", [actions(button(style="default"))], "[json-pointer:/blocks/0/elements/0/style]"),
    ("confirm", [actions(button(confirm={"title": plain()}))], "missing required field: deny"),
    ("block_id of 256", [{"type": "divider", "block_id": "x" * 256}], "[json-pointer:/blocks/0/block_id]"),
    ("block_id twice", [{"type": "divider", "block_id": "b"}] * 2, "[json-pointer:/blocks/1/block_id]"),
    ("101 options", [actions(select(options=[option(str(n)) for n in range(101)]))], "no more than 100 items"),
    ("no options", [actions(select(options=[]))], "[json-pointer:/blocks/0/elements/0/options]"),
    ("options and groups", [actions(select(option_groups=[]))], "exactly one of options and option_groups"),
    ("option twice", [actions(select(options=[option(), option()]))], "must have unique values"),
    ("label of 76", [actions(select(options=[option(label="x" * 76)]))], "/options/0/text/text]"),
    ("value of 151", [actions(select(options=[option("x" * 151)]))], "/options/0/value]"),
    ("initial option", [actions(select(initial_option=option("w")))], "must be one of the options"),
    ("placeholder of 151", [actions(select(placeholder=plain("x" * 151)))], "/placeholder/text]"),
    ("overflow of 6", [section(text=plain(), accessory=OVERFLOW)], "[json-pointer:/blocks/0/accessory/options]"),
    ("11 boxes", [actions({"type": "checkboxes", "options": [option(str(n)) for n in range(11)]})], "no more than 10"),
    ("date", [actions({"type": "datepicker", "initial_date": "22.11.2026"})], "/initial_date]"),
    ("image without alt", [{"type": "image", "image_url": "https://x.y"}], "missing required field: alt_text"),
    ("alt of 2001", [image(alt_text="x" * 2001)], "[json-pointer:/blocks/0/alt_text]"),
    ("image of nothing", [{"type": "image", "alt_text": "a"}], "missing required field: image_url"),
    ("image of a file", [image(image_url="file:///etc")], "[json-pointer:/blocks/0/image_url]"),
    ("input too long", [typed(max_length=3001)], "[json-pointer:/blocks/0/element/max_length]"),
    ("least above most", [typed(min_length=3, max_length=2)], "[json-pointer:/blocks/0/element/min_length]"),
    ("number without decimals", [{**typed(), "element": {"type": "number_input"}}], "is_decimal_allowed"),
    ("markdown of 12001", [{"type": "markdown", "text": "x" * 12001}], "[json-pointer:/blocks/0/text]"),
    ("markdown of 12001 together", [{"type": "markdown", "text": "x" * 6001}] * 2, "of markdown together"),
    ("confirm of 101", [actions(button(confirm=confirm(title=plain("x" * 101))))], "/confirm/title/text]"),
    ("confirm of 301", [actions(button(confirm=confirm(text=mrkdwn("x" * 301))))], "/confirm/text/text]"),
    ("confirm's yes of 31", [actions(button(confirm=confirm(confirm=plain("x" * 31))))], "/confirm/confirm/text]"),
    ("confirm's no of 31", [actions(button(confirm=confirm(deny=plain("x" * 31))))], "/confirm/deny/text]"),
    ("confirm's style", [actions(button(confirm=confirm(style="loud")))], "/confirm/style]"),
    ("spoken label of 76", [actions(button(accessibility_label="x" * 76))], "/accessibility_label]"),
    ("description of 76", [actions(select(options=[option(description=plain("x" * 76))]))], "/description/text]"),
    ("101 to choose", [actions({**select(), "type": "multi_static_select", "max_selected_items": 101})], "_items]"),
    ("101 groups", [actions(grouped(*([group()] * 101)))], "/option_groups]"),
    ("group of 76", [actions(grouped(group("x" * 76)))], "/option_groups/0/label/text]"),
    (
        "box ticked before",
        [actions({"type": "checkboxes", "options": [option()], "initial_options": [option("w")]})],
        "must be one",
    ),
    ("time", [actions({"type": "timepicker", "initial_time": "25:00"})], "/initial_time]"),
    ("instant", [actions({"type": "datetimepicker", "initial_date_time": 1})], "/initial_date_time]"),
    ("date's placeholder", [actions({"type": "datepicker", "placeholder": plain("x" * 151)})], "/placeholder/text]"),
    ("field's placeholder of 151", [typed(placeholder=plain("x" * 151))], "/element/placeholder/text]"),
    ("least of 3001", [typed(min_length=3001)], "[json-pointer:/blocks/0/element/min_length]"),
    ("first words of 3001", [typed(initial_value="x" * 3001)], "[json-pointer:/blocks/0/element/initial_value]"),
    ("field's label of 2001", [{**typed(), "label": plain("x" * 2001)}], "[json-pointer:/blocks/0/label/text]"),
    ("field's hint of 2001", [{**typed(), "hint": plain("x" * 2001)}], "[json-pointer:/blocks/0/hint/text]"),
    ("field of a button", [{**typed(), "element": button()}], "unsupported type: button"),
    ("image's title of 2001", [image(title=plain("x" * 2001))], "[json-pointer:/blocks/0/title/text]"),
    ("image of 3001", [image(image_url="https://" + "x" * 3000)], "[json-pointer:/blocks/0/image_url]"),
    ("words of context", [{"type": "context", "elements": [mrkdwn("x" * 3001)]}], "/elements/0/text]"),
    ("picture of context", [{"type": "context", "elements": [{"type": "image", "alt_text": "a"}]}], "image_url"),
    ("cell of 10001", [table(rows=[[{"type": "raw_text", "text": "x" * 10_001}]])], "/rows/0/0/text]"),
    ("cell of a button", [table(rows=[[button()]])], "unsupported type: button"),
    ("21 columns", [table(column_settings=[{}] * 21)], "/column_settings]"),
    ("column", [table(column_settings=[{"align": "middle"}])], "/column_settings/0/align]"),
    ("address of 3001", [rich(line({"type": "link", "url": "x" * 3001}))], "/elements/0/url]"),
    ("name of 101", [rich(line({"type": "emoji", "name": "x" * 101}))], "/elements/0/name]"),
    ("person of 101", [rich(line({"type": "user", "user_id": "x" * 101}))], "/elements/0/user_id]"),
    ("two tables", [table(), table()], "only_one_table_allowed [json-pointer:/blocks]"),
    ("101 rows", [table(rows=[[]] * 101)], "[json-pointer:/blocks/0/rows]"),
    ("21 cells", [table(rows=[[{"type": "raw_text", "text": "x"}] * 21])], "[json-pointer:/blocks/0/rows/0]"),
    ("rich text of text", [rich(WORD)], "unsupported type: text [json-pointer:/blocks/0/elements/0/type]"),
    ("no such element", [rich(line({"type": "bold"}))], "[json-pointer:/blocks/0/elements/0/elements/0/type]"),
    ("empty words", [rich(line({"type": "text", "text": ""}))], "/elements/0/elements/0/text]"),
    ("style of words", [rich(line({**WORD, "style": {"big": True}}))], "invalid additional property: big"),
    ("style that is no flag", [rich(line({**WORD, "style": {"bold": 1}}))], "must be a boolean"),
    ("list of words", [rich({"type": "rich_text_list", "style": "bullet", "elements": [WORD]})], "unsupported type"),
    (
        "list without a style",
        [rich({"type": "rich_text_list", "elements": [line(WORD)]})],
        "missing required field: style",
    ),
    (
        "indent of 9",
        [rich({"type": "rich_text_list", "style": "ordered", "indent": 9, "elements": [line(WORD)]})],
        "/indent]",
    ),
    (
        "person in a program",
        [rich({"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]})],
        "unsupported type: user",
    ),
    ("link to nowhere", [rich(line({"type": "link", "text": "x"}))], "missing required field: url"),
    ("whom", [rich(line({"type": "broadcast", "range": "all"}))], "/range]"),
    ("when", [rich(line({"type": "date", "timestamp": "1", "format": "{date}"}))], "/timestamp]"),
    ("how", [rich(line({"type": "date", "timestamp": 1, "format": "soon"}))], "/format]"),
    ("emoji without a name", [rich(line({"type": "emoji"}))], "missing required field: name"),
    ("channel without an id", [rich(line({"type": "channel"}))], "missing required field: channel_id"),
]


@pytest.mark.parametrize(("blocks", "where"), [one[1:] for one in BAD_BLOCKS], ids=[one[0] for one in BAD_BLOCKS])
async def test_blocks_that_break_a_limit_are_invalid_and_say_where(scene: Scene, blocks: Any, where: str) -> None:
    before = len(scene.channel.by_ts)
    answer = await scene.ask("chat.postMessage", {"channel": "{channel}", "text": "x", "blocks": blocks})
    assert (answer["ok"], answer["error"]) == (False, "invalid_blocks")
    assert any(where in one for one in answer["errors"]), answer["errors"]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {one}" for one in answer["errors"]]
    assert len(scene.channel.by_ts) == before


GOOD_BLOCKS: list[tuple[str, list[Json]]] = [
    ("50 blocks", [{"type": "divider"}] * 50),
    ("section", [section(text=mrkdwn("x" * 3000), fields=[plain("x" * 500)] * 10, accessory=button())]),
    ("header", [{"type": "header", "text": {**plain("x" * 150), "emoji": True}}]),
    ("context", [{"type": "context", "elements": [mrkdwn(), plain(), image()]}]),
    ("25 buttons", [actions(*(button(str(n), value="x" * 100, style="danger") for n in range(25)))]),
    ("same action in two blocks", [actions(button()), actions(button())]),
    ("select", [actions(select(options=[option(str(n)) for n in range(100)], initial_option=option("1")))]),
    ("groups", [actions(grouped(*([group("x" * 75)] * 50)))]),
    ("confirm", [actions(button(confirm=confirm(title=plain("x" * 100), text=mrkdwn("x" * 300))))]),
    ("image", [image(title=plain("x" * 2000), alt_text="x" * 2000)]),
    ("input", [typed(min_length=3, max_length=3000, multiline=True, placeholder=plain("x" * 150))]),
    ("markdown", [{"type": "markdown", "text": "# x"}]),
    ("table", [table(column_settings=[{"align": "right", "is_wrapped": True}])]),
    (
        "rich text",
        [
            rich(
                line(
                    {**WORD, "style": {"bold": True, "code": True}},
                    {"type": "link", "url": "https://x.y", "text": "x"},
                    {"type": "emoji", "name": "tada"},
                    {"type": "user", "user_id": "U1"},
                    {"type": "channel", "channel_id": "C1"},
                    {"type": "date", "timestamp": 1795338000, "format": "{date_long} at {time}", "fallback": "now"},
                ),
                {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [line(WORD)]},
                {"type": "rich_text_preformatted", "language": "python", "border": 0, "elements": [WORD]},
                {"type": "rich_text_quote", "elements": [WORD]},
            )
        ],
    ),
]


@pytest.mark.parametrize("how", ["json", "form", "query"])
@pytest.mark.parametrize("blocks", [one[1] for one in GOOD_BLOCKS], ids=[one[0] for one in GOOD_BLOCKS])
async def test_blocks_at_the_limits_are_taken_from_json_form_and_query(
    scene: Scene, blocks: list[Json], how: str
) -> None:
    given = blocks if how == "json" else json.dumps(blocks)
    answer = await scene.ask("chat.postMessage", {"channel": "{channel}", "text": "x", "blocks": given}, how=how)
    assert answer["ok"], answer
    kept = scene.channel.by_ts[answer["ts"]].blocks
    assert [one["type"] for one in kept] == [one["type"] for one in blocks]
    assert all(one["block_id"] for one in kept)


KEYS = ("text", "elements", "element", "accessory", "fields", "options", "label", "rows", "title", "url", "style")
KINDS = (
    *("section", "header", "context", "actions", "image", "input", "rich_text", "table", "markdown", "divider"),
    *("button", "static_select", "checkboxes", "overflow", "plain_text_input", "datepicker", "plain_text", "mrkdwn"),
    *("rich_text_section", "rich_text_list", "rich_text_preformatted", "text", "link", "date", "broadcast"),
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.text(max_size=3) | st.sampled_from(KINDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional=dict.fromkeys(KEYS, inner))
    ),
    max_leaves=20,
)


@given(st.lists(anything, max_size=3))
def test_whatever_comes_as_blocks_is_judged_and_what_is_taken_can_be_read(blocks: list[Any]) -> None:
    problems = Problems()
    check_blocks(Node(blocks, problems, "/blocks"), most=50, surface="message")
    if not problems.sentences:
        assert isinstance(words_of(blocks), str)
        assert set(mentioned("", blocks)) <= {"@here", "@channel", "@everyone"}
    assert all("[json-pointer:/blocks" in one for one in problems.sentences)


VIEW: Json = {"type": "modal", "title": plain("Form"), "submit": plain("Send"), "blocks": [typed()]}

BAD_VIEWS: list[tuple[str, Any, str]] = [
    ("no view", None, "[json-pointer:/view]"),
    ("half of one", "{", "failed to parse"),
    ("title of 25", {**VIEW, "title": plain("x" * 25)}, "[json-pointer:/view/title/text]"),
    ("title of mrkdwn", {**VIEW, "title": mrkdwn()}, "[json-pointer:/view/title/type]"),
    ("no title", {"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
    ("submit of 25", {**VIEW, "submit": plain("x" * 25)}, "[json-pointer:/view/submit/text]"),
    ("close of 25", {**VIEW, "close": plain("x" * 25)}, "[json-pointer:/view/close/text]"),
    ("input without submit", {key: VIEW[key] for key in ("type", "title", "blocks")}, "missing required field: submit"),
    ("private_metadata of 3001", {**VIEW, "private_metadata": "x" * 3001}, "[json-pointer:/view/private_metadata]"),
    ("callback_id of 256", {**VIEW, "callback_id": "x" * 256}, "[json-pointer:/view/callback_id]"),
    ("101 blocks", {**VIEW, "blocks": [{"type": "divider"}] * 101}, "no more than 100 items allowed"),
    ("a table", {**VIEW, "blocks": [table()]}, "unsupported type: table"),
    ("Home", {"type": "home", "blocks": []}, "[json-pointer:/view/type]"),
    ("additional", {**VIEW, "id": "V1"}, "invalid additional property: id [json-pointer:/view]"),
]


@pytest.mark.parametrize(("view", "where"), [one[1:] for one in BAD_VIEWS], ids=[one[0] for one in BAD_VIEWS])
async def test_a_view_that_breaks_a_limit_is_an_invalid_argument(scene: Scene, view: Any, where: str) -> None:
    trigger = await scene.trigger()
    answer = await scene.ask("views.open", {"trigger_id": trigger, "view": view})
    assert answer["error"] == "invalid_arguments"
    assert any(where in one for one in answer["response_metadata"]["messages"]), answer
    assert scene.ada.modal is None
    assert (await scene.ask("views.open", {"trigger_id": trigger, "view": VIEW}))["ok"]


async def test_a_view_may_have_a_hundred_blocks_and_not_250_kilobytes(scene: Scene) -> None:
    await scene.form({**VIEW, "blocks": [{"type": "divider"}] * 100, "private_metadata": "x" * 3000})
    large = [section(text=mrkdwn("x" * 3000))] * 90
    answer = await scene.ask("views.open", {"trigger_id": await scene.trigger(), "view": {**VIEW, "blocks": large}})
    assert answer["error"] == "view_too_large"


async def test_nothing_is_pushed_upon_a_modal_that_is_not_there(scene: Scene) -> None:
    await scene.form(VIEW)
    answer = await scene.ask("views.push", {"trigger_id": await scene.trigger(), "view": VIEW})
    assert answer["error"] == "not_found"


async def test_views_are_found_by_an_external_id_that_none_has_twice(scene: Scene) -> None:
    form = await scene.form({**VIEW, "external_id": "mine"})
    answer = await scene.ask(
        "views.push", {"trigger_id": await scene.trigger(), "view": {**VIEW, "external_id": "mine"}}
    )
    assert answer["error"] == "duplicate_external_id"
    new = {**VIEW, "title": plain("New"), "external_id": "mine"}
    stale = await scene.ask("views.update", {"external_id": "mine", "view": new, "hash": "1.x"})
    assert stale["error"] == "hash_conflict"
    assert (await scene.ask("views.update", {"external_id": "mine", "view": new, "hash": form.hash}))["ok"]
    assert form.title == "New"
    await scene.ada.close(form)
    assert (await scene.ask("views.update", {"view_id": form.id, "view": VIEW}))["error"] == "not_found"


# --- methods --------------------------------------------------------------------------------------------------

POST = {"channel": "{channel}", "text": "x"}
METADATA = {"event_type": "nn_round", "event_payload": {}}
LONG = {"words": "x" * 9000}

REFUSED: list[tuple[str, str, Json, str]] = [
    ("nothing to say", "chat.postMessage", {"channel": "{channel}"}, "no_text"),
    ("blanks", "chat.postMessage", {"channel": "{channel}", "text": " \n"}, "no_text"),
    ("nowhere", "chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("no such channel", "chat.postMessage", {"channel": "C1", "text": "x"}, "channel_not_found"),
    ("private", "chat.postMessage", {"channel": "{private}", "text": "x"}, "channel_not_found"),
    ("private by name", "chat.postMessage", {"channel": "#secret", "text": "x"}, "channel_not_found"),
    ("not a member", "chat.postMessage", {"channel": "{elsewhere}", "text": "x"}, "not_in_channel"),
    ("archived", "chat.postMessage", {"channel": "{archived}", "text": "x"}, "is_archived"),
    ("no such thread", "chat.postMessage", {**POST, "thread_ts": "1.000000"}, "thread_not_found"),
    ("blocks that are none", "chat.postMessage", {**POST, "blocks": "[{"}, "invalid_blocks_format"),
    ("blocks in an object", "chat.postMessage", {**POST, "blocks": {"blocks": []}}, "invalid_blocks_format"),
    ("too many blocks", "chat.postMessage", {**POST, "blocks": [section(text=plain("x" * 3000))] * 4}, "msg_blocks"),
    ("markdown and text", "chat.postMessage", {**POST, "markdown_text": "x"}, "markdown_text_conflict"),
    ("101 attachments", "chat.postMessage", {**POST, "attachments": [{}] * 101}, "too_many_attachments"),
    ("metadata", "chat.postMessage", {**POST, "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ("metadata of more", "chat.postMessage", {**POST, "metadata": {**METADATA, "x": 1}}, "invalid_metadata_format"),
    ("metadata in a list", "chat.postMessage", {**POST, "metadata": [METADATA]}, "invalid_metadata_format"),
    ("long metadata", "chat.postMessage", {**POST, "metadata": {**METADATA, "event_payload": LONG}}, "metadata_too"),
    ("a flag", "chat.postMessage", {**POST, "reply_broadcast": "perhaps"}, "invalid_arguments"),
    ("somebody else's name", "chat.postMessage", {**POST, "username": "Ada"}, "missing_scope"),
    ("update of hers", "chat.update", {**POST, "ts": "{hers}"}, "cant_update_message"),
    ("update of nothing", "chat.update", {**POST, "ts": "1.000000"}, "message_not_found"),
    ("update to nothing", "chat.update", {"channel": "{channel}", "ts": "{card}"}, "no_text"),
    ("update of 4001", "chat.update", {**POST, "ts": "{card}", "text": "x" * 4001}, "msg_too_long"),
    ("update by a number", "chat.update", {**POST, "ts": 1795338000.001}, "invalid_arguments"),
    ("deletion of hers", "chat.delete", {"channel": "{channel}", "ts": "{hers}"}, "cant_delete_message"),
    ("deletion of nothing", "chat.delete", {"channel": "{channel}", "ts": "1.000000"}, "message_not_found"),
    ("to nobody", "chat.postEphemeral", POST, "invalid_arguments"),
    ("to a stranger", "chat.postEphemeral", {**POST, "user": "U1"}, "user_not_in_channel"),
    ("to the bot", "chat.postEphemeral", {**POST, "user": "{bot}"}, "user_not_in_channel"),
    ("link to nothing", "chat.getPermalink", {"channel": "{channel}", "message_ts": "1.0"}, "message_not_found"),
    ("history elsewhere", "conversations.history", {"channel": "{elsewhere}"}, "not_in_channel"),
    ("history in private", "conversations.history", {"channel": "{private}"}, "channel_not_found"),
    ("cursor", "conversations.history", {"channel": "{channel}", "cursor": "x"}, "invalid_cursor"),
    ("another's cursor", "conversations.history", {"channel": "{channel}", "cursor": "eDo1"}, "invalid_cursor"),
    ("limit of 0", "conversations.history", {"channel": "{channel}", "limit": "0"}, "invalid_limit"),
    ("limit", "conversations.history", {"channel": "{channel}", "limit": "all"}, "invalid_limit"),
    ("oldest", "conversations.history", {"channel": "{channel}", "oldest": "noon"}, "invalid_ts_oldest"),
    ("latest", "conversations.history", {"channel": "{channel}", "latest": "1.0000001"}, "invalid_ts_latest"),
    ("no such thread", "conversations.replies", {"channel": "{channel}", "ts": "1.0"}, "thread_not_found"),
    ("types", "conversations.list", {"types": "secret"}, "invalid_types"),
    ("no such channel", "conversations.info", {"channel": "C1"}, "channel_not_found"),
    ("members of private", "conversations.members", {"channel": "{private}"}, "channel_not_found"),
    ("join private", "conversations.join", {"channel": "{private}"}, "channel_not_found"),
    ("join archived", "conversations.join", {"channel": "{archived}"}, "is_archived"),
    ("join what is direct", "conversations.join", {"channel": "{dm}"}, "method_not_supported_for_channel_type"),
    ("leave what is direct", "conversations.leave", {"channel": "{dm}"}, "method_not_supported_for_channel_type"),
    ("leave what is archived", "conversations.leave", {"channel": "{archived}"}, "is_archived"),
    ("leave general", "conversations.leave", {"channel": "{channel}"}, "cant_leave_general"),
    ("open with nobody", "conversations.open", {}, "users_list_not_supplied"),
    ("open with a stranger", "conversations.open", {"users": "U1"}, "user_not_found"),
    ("open a channel", "conversations.open", {"channel": "{channel}"}, "method_not_supported_for_channel_type"),
    ("react with nothing", "reactions.add", {"channel": "{channel}", "timestamp": "{hers}"}, "invalid_name"),
    (
        "react in colons",
        "reactions.add",
        {"channel": "{channel}", "timestamp": "{hers}", "name": ":eyes:"},
        "invalid_name",
    ),
    ("react to nothing", "reactions.add", {"channel": "{channel}", "name": "eyes"}, "no_item_specified"),
    (
        "react to what is gone",
        "reactions.add",
        {"channel": "{channel}", "timestamp": "1.0", "name": "x"},
        "message_not_found",
    ),
    (
        "no reaction",
        "reactions.remove",
        {"channel": "{channel}", "timestamp": "{hers}", "name": "x"},
        "no_reaction",
    ),
    ("stranger", "users.info", {"user": "U1"}, "user_not_found"),
    ("no such bot", "bots.info", {"bot": "B1"}, "bot_not_found"),
    ("other team", "team.info", {"team": "T1"}, "team_not_found"),
    ("no trigger", "views.open", {"view": VIEW}, "invalid_arguments"),
    ("made-up trigger", "views.open", {"view": VIEW, "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("made-up trigger", "views.push", {"view": VIEW, "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("no such view", "views.update", {"view": VIEW, "view_id": "V1"}, "not_found"),
    ("which view", "views.update", {"view": VIEW}, "invalid_arguments"),
    (
        "Home of a stranger",
        "views.publish",
        {"view": {"type": "home", "blocks": []}, "user_id": "U1"},
        "user_not_found",
    ),
    (
        "Home of the bot",
        "views.publish",
        {"view": {"type": "home", "blocks": []}, "user_id": "{bot}"},
        "user_not_found",
    ),
    ("Home of a modal", "views.publish", {"view": VIEW, "user_id": "{ada}"}, "invalid_arguments"),
    ("file of nothing", "files.getUploadURLExternal", {"filename": "a", "length": 0}, "invalid_arguments"),
    ("no such file", "files.completeUploadExternal", {"files": '[{"id": "F1"}]'}, "file_not_found"),
    ("no files", "files.completeUploadExternal", {}, "invalid_arguments"),
    ("a file that is none", "files.completeUploadExternal", {"files": "[1]"}, "file_not_found"),
    ("no JSON", "files.completeUploadExternal", {"files": "["}, "invalid_arguments"),
    ("as asked for", "api.test", {"error": "my_error"}, "my_error"),
    ("no such method", "chat.sing", {}, "unknown_method"),
]

FORMS = ("conversations.", "chat.delete", "chat.getP", "reactions.", "users.", "bots.", "team.", "files.")
"""Methods that read no JSON, but for some of the conversations that write."""


@pytest.mark.parametrize(
    ("method", "body", "error"), [one[1:] for one in REFUSED], ids=[f"{one[1]}: {one[0]}" for one in REFUSED]
)
async def test_what_cannot_be_done_is_refused_with_slacks_word(
    scene: Scene, method: str, body: Json, error: str
) -> None:
    before = dict(scene.channel.by_ts), scene.card.text, scene.hers.text
    answer = await scene.ask(method, body, how="form" if method.startswith(FORMS) else "json")
    assert not answer["ok"]
    assert answer["error"].startswith(error)
    assert before == (dict(scene.channel.by_ts), scene.card.text, scene.hers.text)


async def test_a_reply_has_its_parents_ts_and_not_anothers(scene: Scene) -> None:
    answer = await scene.ask("chat.postMessage", {**POST, "thread_ts": "{reply}"})
    assert answer["error"] == "thread_not_found"
    assert "is a reply's" in scene.server.complaints[0]


async def test_what_an_argument_lacks_is_said(scene: Scene) -> None:
    answer = await scene.ask("chat.postMessage", {"text": "x"})
    assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


async def test_a_long_text_is_cut_off_without_a_word(scene: Scene) -> None:
    answer = await scene.ask("chat.postMessage", {"channel": "{channel}", "text": "x" * 40_001})
    assert len(scene.channel.by_ts[answer["ts"]].text) == 40_000


async def test_a_change_without_blocks_takes_the_blocks_away(scene: Scene) -> None:
    assert scene.card.blocks
    assert (await scene.ask("chat.update", {**POST, "ts": "{card}"}))["ok"]
    assert not scene.card.blocks


async def test_a_reaction_is_given_once(scene: Scene) -> None:
    body = {"channel": "{channel}", "timestamp": "{hers}", "name": "eyes"}
    assert (await scene.ask("reactions.add", body, how="query"))["ok"]
    assert (await scene.ask("reactions.add", body, how="query"))["error"] == "already_reacted"
    assert (await scene.ask("reactions.get", body, how="query"))["message"]["reactions"][0]["count"] == 1


async def test_reactions_have_their_limits_and_places(scene: Scene) -> None:
    async def react(channel: Channel, ts: str, name: str) -> Any:
        return await scene.ask("reactions.add", {"channel": channel.id, "timestamp": ts, "name": name}, how="query")

    for number in range(23):
        assert (await react(scene.channel, scene.hers.ts, f"e{number}"))["ok"]
    assert (await react(scene.channel, scene.hers.ts, "more"))["error"] == "too_many_emoji"
    there = await scene.ada.say(scene.elsewhere, "hello")
    assert (await react(scene.elsewhere, there.ts, "eyes"))["error"] == "not_in_channel"
    scene.channel.archive()
    assert (await react(scene.channel, scene.reply.ts, "eyes"))["error"] == "is_archived"


async def test_a_group_has_at_most_eight_people_and_the_bot(scene: Scene) -> None:
    people = [scene.team.user(f"user{number}").id for number in range(9)]
    assert (await scene.ask("conversations.open", {"users": ",".join(people)}))["error"] == "too_many_users"
    opened = await scene.ask("conversations.open", {"users": ",".join(people[:8]), "return_im": True})
    assert opened["channel"]["is_mpim"]
    assert (await scene.ask("conversations.leave", {"channel": "{elsewhere}"}))["not_in_channel"]


async def test_nobody_replies_to_the_news_that_somebody_joined(scene: Scene) -> None:
    scene.elsewhere.invite_bot()
    (news,) = scene.elsewhere.messages
    answer = await scene.ask("chat.postMessage", {"channel": "{elsewhere}", "text": "x", "thread_ts": news.ts})
    assert answer["error"] == "cannot_reply_to_message"


async def test_admins_keep_the_bot_from_writing_and_from_editing(scene: Scene) -> None:
    scene.channel.read_only = True
    with pytest.raises(CannotDo, match="may not write"):
        await scene.ada.say(scene.channel, "x")
    await scene.admin.say(scene.channel, "x")
    assert (await scene.ask("chat.postMessage", POST))["error"] == "restricted_action"
    scene.team.edit_window = 5
    scene.server.clock.advance(299)
    assert (await scene.ask("chat.update", {**POST, "ts": "{card}"}))["ok"]
    scene.server.clock.advance(2)
    assert (await scene.ask("chat.update", {**POST, "ts": "{card}"}))["error"] == "edit_window_closed"
    scene.channel.archive()
    assert (await scene.ask("chat.update", {**POST, "ts": "{card}"}))["error"] == "is_inactive"
    scene.channel.delete()
    assert (await scene.ask("chat.postMessage", POST))["error"] == "channel_not_found"


async def test_people_who_are_gone_are_written_to_no_more(scene: Scene) -> None:
    scene.ada.deactivate()
    assert (await scene.ask("conversations.open", {"users": "{ada}"}))["error"] == "user_disabled"
    assert (await scene.ask("chat.postEphemeral", {**POST, "user": "{ada}"}))["error"] == "user_not_in_channel"
    assert (await scene.ask("users.info", {"user": "{ada}"}, how="query"))["user"]["deleted"]


async def test_with_the_right_scope_the_bot_writes_where_it_is_not(scene: Scene) -> None:
    scene.team.scopes |= {"chat:write.public"}
    assert (await scene.ask("chat.postMessage", {"channel": "#elsewhere", "text": "x"}))["ok"]
    assert (await scene.ask("conversations.join", {"channel": "{elsewhere}"}))["channel"]["is_member"]
    assert (await scene.ask("conversations.join", {"channel": "{elsewhere}"}))["warning"] == "already_in_channel"
    assert (await scene.ask("conversations.leave", {"channel": "{elsewhere}"}))["ok"]
    assert not scene.elsewhere.has_bot


# --- tokens and scopes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "token", "error"),
    [
        ("auth.test", "", "not_authed"),
        ("auth.test", "xoxb-bad", "invalid_auth"),
        ("chat.postMessage", "app", "not_allowed_token_type"),
        ("apps.connections.open", "bot", "not_allowed_token_type"),
        ("apps.connections.open", "xapp-bad", "invalid_auth"),
    ],
)
async def test_a_token_that_does_not_fit_is_refused(scene: Scene, method: str, token: str, error: str) -> None:
    known = {"app": scene.server.app_token, "bot": scene.team.token}
    assert (await scene.ask(method, {}, token=known.get(token, token)))["error"] == error


async def test_a_token_may_come_as_an_argument_but_not_in_json(scene: Scene) -> None:
    body = {"token": scene.team.token}
    assert (await scene.ask("auth.test", body, token="", how="form"))["ok"]
    assert (await scene.ask("auth.test", body, token="", how="query"))["ok"]
    assert (await scene.ask("auth.test", body, token="", how="json"))["error"] == "not_authed"
    scene.server.world.app.app_token_revoked = True
    assert (await scene.ask("apps.connections.open", token=scene.server.app_token))["error"] == "invalid_auth"


@pytest.mark.parametrize(
    ("scope", "method", "body"),
    [
        ("chat:write", "chat.postMessage", POST),
        ("reactions:write", "reactions.add", {"channel": "{channel}", "timestamp": "{hers}", "name": "x"}),
        ("users:read", "users.info", {"user": "{ada}"}),
        ("channels:history", "conversations.history", {"channel": "{channel}"}),
        ("channels:read", "conversations.info", {"channel": "{channel}"}),
        ("channels:join", "conversations.join", {"channel": "{channel}"}),
        ("im:write", "conversations.open", {"users": "{ada}"}),
        ("im:write", "chat.postMessage", {"channel": "{ada}", "text": "x"}),
    ],
)
async def test_a_missing_scope_is_named(scene: Scene, scope: str, method: str, body: Json) -> None:
    scene.team.take_away(scope)
    answer = await scene.ask(method, body, how="form")
    assert (answer["error"], scope in answer["needed"].split(",")) == ("missing_scope", True)
    assert set(answer["provided"].split(",")) == SCOPES - {scope}


async def test_methods_that_read_no_json_find_no_arguments_in_it(scene: Scene) -> None:
    assert (await scene.ask("users.info", {"user": "{ada}"}))["error"] == "invalid_arguments"
    headers = {"Authorization": f"Bearer {scene.team.token}", "Content-Type": "application/json"}
    for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
        async with scene.http.post(f"{scene.server.api_url}chat.postMessage", data=body, headers=headers) as answer:
            assert (await answer.json())["error"] == error
    headers["Content-Type"] = "text/csv"
    async with scene.http.post(f"{scene.server.api_url}chat.postMessage", data=b"x", headers=headers) as answer:
        assert (await answer.json())["error"] == "invalid_post_type"


async def test_without_a_home_tab_nothing_is_published() -> None:
    async with SlackServer(home=False) as server, aiohttp.ClientSession() as http:
        team = server.team("Study")
        ada = team.user("ada")
        body = {"user_id": ada.id, "view": {"type": "home", "blocks": []}}
        headers = {"Authorization": f"Bearer {team.token}"}
        async with http.post(f"{server.api_url}views.publish", json=body, headers=headers) as answer:
            assert (await answer.json())["error"] == "not_enabled"
        with pytest.raises(CannotDo, match="no Home"):
            await ada.open_home()


# --- sockets and response_urls --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ("hello", "has an envelope_id"),
        ("[]", "has an envelope_id"),
        ('{"payload": {}}', "has an envelope_id"),
        ('{"envelope_id": "x", "type": "ack"}', "has an envelope_id"),
        ('{"envelope_id": "x"}', "There is no envelope x"),
    ],
)
async def test_what_is_no_acknowledgement_is_complained_of(scene: Scene, sent: str, complaint: str) -> None:
    async with scene.http.ws_connect(scene.server.sockets.address()) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        await socket.send_str(sent)
        await scene.server.until(lambda: scene.server.complaints)
    assert complaint in scene.server.complaints[0]


async def test_an_event_takes_no_answer_and_no_second_acknowledgement(scene: Scene) -> None:
    async with scene.http.ws_connect(scene.server.sockets.address()) as socket:
        await socket.receive_json()
        await scene.ada.say(scene.channel, "hello")
        envelope = await socket.receive_json()
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("events_api", False)
        assert (envelope["retry_attempt"], envelope["retry_reason"]) == (0, "")
        for _ in range(2):
            await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "x"}})
        await scene.server.until(lambda: scene.server.deliveries.stray)
    assert scene.server.complaints == ["The event message takes no answer, not {'text': 'x'}"]


async def test_an_acknowledgement_on_another_socket_counts_for_nothing(scene: Scene) -> None:
    address = scene.server.sockets.address
    async with scene.http.ws_connect(address()) as one, scene.http.ws_connect(address()) as other:
        for socket in (one, other):
            await socket.receive_json()
        await scene.ada.say(scene.channel, "hello")
        envelope = await one.receive_json()
        await other.send_json({"envelope_id": envelope["envelope_id"]})
        await scene.server.until(lambda: scene.server.deliveries.stray)
        assert scene.server.deliveries.under_way


async def test_an_address_is_given_for_a_post_only(scene: Scene) -> None:
    headers = {"Authorization": f"Bearer {scene.server.app_token}"}
    async with scene.http.get(f"{scene.server.api_url}apps.connections.open", headers=headers) as answer:
        assert (await answer.json())["error"] == "insecure_request"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"blocks": [section()]}, "invalid_blocks"),
        ({"response_type": "ephemeral"}, "no_text"),
        ({"text": "x", "replace_original": "true"}, "invalid_payload"),
    ],
)
async def test_a_command_answered_with_what_cannot_be_shown_fails(scene: Scene, answer: Json, complaint: str) -> None:
    async with scene.http.ws_connect(scene.server.sockets.address()) as socket:
        await socket.receive_json()
        seen = await scene.ada.command("/x", "", scene.channel, wait=False)
        await socket.send_json({"envelope_id": (await socket.receive_json())["envelope_id"], "payload": answer})
        await scene.ada.settled(seen)
    assert seen.error == "invalid_command_response"
    assert complaint in scene.server.complaints[0]


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "open"},
        {"response_action": "errors"},
        {"response_action": "errors", "errors": {"elsewhere": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
    ],
)
async def test_a_form_answered_with_what_it_cannot_show_stays_and_says_so(scene: Scene, answer: Json) -> None:
    form = await scene.form(VIEW)
    async with scene.http.ws_connect(scene.server.sockets.address()) as socket:
        await socket.receive_json()
        seen = await scene.ada.submit(form, {"Words": "x"}, wait=False)
        await socket.send_json({"envelope_id": (await socket.receive_json())["envelope_id"], "payload": answer})
        await scene.ada.settled(seen)
    assert (seen.error, scene.ada.modal) == (TROUBLE, form)
    assert "view_submission is refused" in scene.server.complaints[0]


@pytest.mark.parametrize("count", [100, 101])
async def test_a_menu_is_filled_with_a_hundred_options(scene: Scene, count: int) -> None:
    menu = actions({"type": "external_select", "action_id": "m"})
    sent = await scene.ask("chat.postMessage", {"channel": "{channel}", "text": "x", "blocks": [menu]})
    async with scene.http.ws_connect(scene.server.sockets.address()) as socket:
        await socket.receive_json()
        asking = asyncio.create_task(scene.ada.suggest(scene.channel.by_ts[sent["ts"]], "m", "x"))
        envelope = (await socket.receive_json())["envelope_id"]
        options = [option(str(number), str(number)) for number in range(count)]
        await socket.send_json({"envelope_id": envelope, "payload": {"options": options}})
        assert len(await asking) == (100 if count == 100 else 0)
    assert len(scene.server.complaints) == count - 100


async def test_a_press_takes_no_answer_in_its_acknowledgement(scene: Scene) -> None:
    async with scene.http.ws_connect(scene.server.sockets.address()) as socket:
        await socket.receive_json()
        seen = await scene.ada.press(scene.card, "Answer", wait=False)
        envelope = await socket.receive_json()
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "x"}})
        await scene.ada.answered(seen)
    assert "says nothing" in scene.server.complaints[0]
    assert not seen.shown


async def test_a_response_url_refuses_what_it_cannot_show(scene: Scene) -> None:
    seen = await scene.ada.press(scene.card, "a", wait=False)
    url = scene.server.world.response_url(seen.token)
    cases: list[tuple[str, Json, int, str]] = [
        (url + "x", {"text": "x"}, 400, "no_service"),
        (url, {"text": ""}, 400, "no_text"),
        (url, {"text": "x", "blocks": [section()]}, 400, "invalid_blocks"),
        (url, {"text": "x", "delete_original": "true"}, 400, "invalid_payload"),
    ]
    for address, body, status, error in cases:
        async with scene.http.post(address, json=body) as answer:
            assert (answer.status, (await answer.json())["error"]) == (status, error)
    async with scene.http.post(url, json={"delete_original": True}) as answer:
        assert answer.status == 200
    assert scene.card.deleted


async def test_a_file_has_as_many_bytes_as_was_said(scene: Scene) -> None:
    body = {"filename": "a.csv", "length": 3}
    given = await scene.ask("files.getUploadURLExternal", body, how="query")
    early = await scene.ask(
        "files.completeUploadExternal", {"files": json.dumps([{"id": given["file_id"]}])}, how="form"
    )
    assert early["error"] == "file_not_found"
    async with scene.http.post(given["upload_url"], data=b"1,2,3") as answer:
        assert answer.status == 200
    assert "said to have 3 bytes" in scene.server.complaints[0]


# --- what Slack's app lets nobody do --------------------------------------------------------------------------

Deed = Callable[[Scene], Awaitable[Outcome | Message | View | None]]


async def _submit(scene: Scene, values: Json, **more: Any) -> Outcome:
    return await scene.ada.submit(await scene.form({**VIEW, "blocks": [typed(**more)]}), values)


async def _ephemeral(scene: Scene) -> Message:
    await scene.ask("chat.postEphemeral", {**POST, "user": "{admin}", "blocks": [actions(button())]})
    return scene.admin.ephemerals[0]


async def _press_anothers(scene: Scene) -> Outcome:
    return await scene.ada.press(await _ephemeral(scene), "a")


async def _react_to_ephemeral(scene: Scene) -> None:
    await scene.admin.react(await _ephemeral(scene), "eyes")


async def _submit_anothers(scene: Scene) -> Outcome:
    return await scene.admin.submit(await scene.form(VIEW), {"Words": "x"})


async def _submit_twice(scene: Scene) -> Outcome:
    form = await scene.form(VIEW)
    scene.ada.drop(form)
    return await scene.ada.submit(form, {"Words": "x"})


def _guest(scene: Scene) -> Member:
    return scene.team.user("gus", guest=Guest.MULTI)


async def _use_on_ephemeral(scene: Scene) -> Outcome:
    return await scene.admin.shortcut(await _ephemeral(scene), "submit")


async def _submit_below(scene: Scene) -> Outcome:
    below = await scene.form({**VIEW, "blocks": [actions(button())]})
    pressed = await scene.ada.press(below, "a", wait=False)
    assert (await scene.ask("views.push", {"trigger_id": pressed.trigger_id, "view": VIEW}))["ok"]
    scene.server.outcomes.remove(pressed)
    return await scene.ada.submit(below)


async def _submit_without_a_button(scene: Scene) -> Outcome:
    return await scene.ada.submit(await scene.form({"type": "modal", "title": plain(), "blocks": []}))


CANNOT: list[tuple[str, Deed, str]] = [
    ("say nothing", lambda scene: scene.ada.say(scene.channel, " "), "says something"),
    ("say 12001", lambda scene: scene.ada.say(scene.channel, "x" * 12_001), "at most"),
    ("say in an archive", lambda scene: scene.ada.say(scene.archived, "x"), "archived"),
    ("say as a guest", lambda scene: _guest(scene).say(scene.channel, "x"), "is not in general"),
    ("join what is private", lambda scene: _guest(scene).join(scene.private), "cannot join secret"),
    ("use on an ephemeral", _use_on_ephemeral, "no menu of shortcuts"),
    ("send the form below", _submit_below, "modal on top"),
    ("send without a button", _submit_without_a_button, "button for it"),
    ("broadcast no reply", lambda scene: scene.ada.say(scene.channel, "x", broadcast=True), "Only a reply"),
    ("edit another's", lambda scene: scene.ada.edit(scene.card, "x"), "did not write"),
    ("delete another's", lambda scene: scene.ada.delete(scene.card), "did not write"),
    ("react to an ephemeral", _react_to_ephemeral, "Nobody can react"),
    ("call what is not there", lambda scene: scene.ada.command("/y", "", scene.channel), "no command '/y'"),
    ("press what is not there", lambda scene: scene.ada.press(scene.card, "Nothing"), "only"),
    ("press what only another sees", _press_anothers, "does not see"),
    ("send another's form", _submit_anothers, "lies before ada"),
    ("send a closed form", _submit_twice, "closed"),
    ("leave a field empty", lambda scene: _submit(scene, {}), "fill in 'Words'"),
    ("fill in too much", lambda scene: _submit(scene, {"Words": "xx"}, max_length=1), "0 to 1 characters"),
    ("fill in too little", lambda scene: _submit(scene, {"Words": "x"}, min_length=2), "2 to 3000 characters"),
    ("fill in what is not there", lambda scene: _submit(scene, {"Words": "x", "Other": "x"}), "no ['Other']"),
]


@pytest.mark.parametrize(("deed", "why"), [one[1:] for one in CANNOT], ids=[one[0] for one in CANNOT])
async def test_what_slacks_app_lets_nobody_do_the_bot_does_not_hear_of(scene: Scene, deed: Deed, why: str) -> None:
    with pytest.raises(CannotDo) as raised:
        await deed(scene)
    assert why in str(raised.value)
    assert not [one for one in scene.server.outcomes if one.act.value != "slash_commands"]


async def test_admins_delete_what_anybody_wrote_and_nobody_edits_after_the_window(scene: Scene) -> None:
    await scene.admin.delete(scene.card)
    assert scene.card.deleted
    scene.team.edit_window = 1
    await scene.ada.edit(scene.hers, "again")
    assert scene.hers.text == "again"
    scene.server.clock.advance(61)
    with pytest.raises(CannotDo, match="edited for 1 minutes"):
        await scene.ada.edit(scene.hers, "late")
