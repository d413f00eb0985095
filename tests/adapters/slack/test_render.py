"""Cards as Slack messages: two payloads written out, limits, splitting, and words that would like to be more."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.slack.render import Message, action_id, press_of, render
from bot.core import cards, notices
from bot.core.bank import read_bank
from bot.core.card import (
    Block,
    Board,
    Button,
    Card,
    Channel,
    Jump,
    Line,
    Link,
    Mention,
    Picture,
    Press,
    Prose,
    Row,
    Snippet,
    Span,
    TimeStyle,
    When,
    Words,
)
from bot.core.model import Coverage, Grade, MemberId, PointGrade, Question, Standing
from bot.core.shown import clean
from tests.factories import DAY, HOUR, NOW, make_drill, make_grade, make_member, make_round

CHANNEL = "slack:T024BE7LH/C061EG9SL"
ADA = MemberId("slack:T024BE7LH/@U1")
BOB = MemberId("slack:T024BE7LH/@U2")
REF = "7K3F2A"
FILE = "F0123ABCD"
BANK = read_bank(
    (Path(__file__).parents[3] / "data" / "questions.yaml").read_text(encoding="utf-8"), "data/questions.yaml"
)


# --- what Slack takes ---------------------------------------------------------------------------------------------
# The numbers of the reference of Block Kit, written down here once more: a limit changed in the code must not pass.

INLINE = {
    "text": {"type", "text", "style"},
    "date": {"type", "timestamp", "format", "fallback"},
    "channel": {"type", "channel_id"},
    "link": {"type", "url", "text"},
}


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check(message: Message) -> None:
    """Fail on anything in a message that Slack would refuse, cut off or show in another way."""
    assert 0 < len(message.text.encode()) <= 40_000
    assert 1 <= len(message.blocks) <= 50
    assert len(json.dumps(message.blocks)) <= 13_000
    for block in message.blocks:
        match block["type"]:
            case "header":
                assert set(block) == {"type", "text"}
                check_plain(block["text"], 150)
            case "rich_text":
                assert set(block) == {"type", "elements"}
                assert block["elements"]
                for element in block["elements"]:
                    check_rich(element)
            case "actions":
                assert set(block) == {"type", "elements"}
                assert 1 <= len(block["elements"]) <= 25
                for button in block["elements"]:
                    check_button(button)
            case "context":
                assert set(block) == {"type", "elements"}
                assert 1 <= len(block["elements"]) <= 10
                for text in block["elements"]:
                    check_context(text)
            case "image":
                assert {"type", "alt_text", "slack_file"} <= set(block) <= {"type", "alt_text", "slack_file", "title"}
                assert block["slack_file"] == {"id": FILE}
                assert 1 <= units(block["alt_text"]) <= 2_000
                assert block["alt_text"].strip()
                if "title" in block:
                    check_plain(block["title"], 2_000)
            case other:
                pytest.fail(f"no such block: {other}")
    ids = [
        button["action_id"] for block in message.blocks if block["type"] == "actions" for button in block["elements"]
    ]
    assert len(ids) == len(set(ids))


def check_plain(text: dict[str, Any], longest: int) -> None:
    assert set(text) == {"type", "text", "emoji"}
    assert text["type"] == "plain_text"
    assert text["emoji"] is False
    assert 1 <= units(text["text"]) <= longest


def check_rich(element: dict[str, Any], *, in_list: bool = False) -> None:
    match element["type"]:
        case "rich_text_section":
            assert set(element) == {"type", "elements"}
            styles = {"bold", "italic", "code"}
        case "rich_text_preformatted" if not in_list:
            assert set(element) <= {"type", "elements", "language"}
            assert element.get("language", "python") in ("python", "javascript", "json")
            assert [inline["type"] for inline in element["elements"]] == ["text"]
            styles = set()
        case "rich_text_list" if not in_list:
            assert set(element) == {"type", "style", "elements"}
            assert element["style"] == "bullet"
            assert element["elements"]
            for section in element["elements"]:
                check_rich(section, in_list=True)
            return
        case other:
            pytest.fail(f"no such element: {other}")
    assert element["elements"]
    assert sum(units(inline.get("text", "")) for inline in element["elements"]) <= 3_000
    for inline in element["elements"]:
        assert set(inline) <= INLINE[inline["type"]]
        assert inline.get("text") != ""
        assert set(inline.get("style", {})) <= styles


def check_button(button: dict[str, Any]) -> None:
    assert set(button) <= {"type", "text", "action_id", "value", "style"}
    assert button["type"] == "button"
    check_plain(button["text"], 75)
    assert 1 <= units(button["action_id"]) <= 255
    assert 1 <= units(button["value"]) <= 2_000
    assert button.get("style", "primary") == "primary"


def check_context(text: dict[str, Any]) -> None:
    if text["type"] == "plain_text":
        return check_plain(text, 3_000)
    assert set(text) == {"type", "text", "verbatim"}
    assert text["type"] == "mrkdwn"
    assert text["verbatim"] is True
    assert 1 <= units(text["text"]) <= 3_000
    return None


# --- what a member reads ------------------------------------------------------------------------------------------


def inlines(found: Any) -> Iterator[dict[str, Any]]:
    """Every element of a line in these blocks, in order."""
    if isinstance(found, dict):
        if found["type"] in INLINE:
            yield found
        for inside in found.get("elements", ()):
            yield from inlines(inside)
    else:
        for inside in found:
            yield from inlines(inside)


def shown(message: Message) -> str:
    """A message on the screen, buttons last; times as their fallback."""
    return "\n".join(line for block in message.blocks for line in lines_of(block))


def lines_of(block: dict[str, Any]) -> list[str]:
    match block["type"]:
        case "header":
            return [block["text"]["text"]]
        case "actions":
            return [f"[{button['text']['text']}]" for button in block["elements"]]
        case "context":
            texts = block["elements"]
            return [" ".join(read(text["text"]) if text["type"] == "mrkdwn" else text["text"] for text in texts)]
        case "rich_text_list":
            return ["• " + line for item in block["elements"] for line in lines_of(item)]
        case "rich_text_section" | "rich_text_preformatted":
            return ["".join(said(inline) for inline in block["elements"])]
        case _:
            return [line for element in block["elements"] for line in lines_of(element)]


def said(inline: dict[str, Any]) -> str:
    return str(inline.get("text") or inline.get("fallback") or f"#{inline['channel_id']}")


def read(mrkdwn: str) -> str:
    """What mrkdwn shows: only `<...>` that was not escaped is anything but words."""
    return html.unescape(re.sub(r"<(?:[^<>|]*\|)?([^<>]*)>", r"\1", mrkdwn))


def body(*blocks: Block) -> list[dict[str, Any]]:
    """The elements of these blocks, which take one message, without the title."""
    [message] = render(Card(title="A title", body=blocks))
    check(message)
    return [element for block in message.blocks[1:] for element in block["elements"]]


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def text(said: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": said, "style": style} if style else {"type": "text", "text": said}


def bold(said: str) -> dict[str, Any]:
    return text(said, bold=True)


def code(said: str) -> dict[str, Any]:
    return text(said, code=True)


def bullets(*sections: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_list", "style": "bullet", "elements": list(sections)}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def plain(said: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": said, "emoji": False}


# --- two payloads -------------------------------------------------------------------------------------------------

SAMPLES = Path(__file__).parents[1] / "sample.yaml"
[ASKED] = [
    question
    for question in read_bank(SAMPLES.read_text(encoding="utf-8"), SAMPLES.name).questions
    if question.slug == "what-is-a-neural-network"
]
PROMPT = "You have three minutes with a new teammate: what is a neural network, and what makes it work?"
ROUND = make_round(CHANNEL, question=ASKED, zone="Europe/Berlin")


def grades_of(question: Question, *covered: set[str]) -> list[Grade]:
    return [
        make_grade(
            points=tuple(
                PointGrade(
                    key_point=point.id,
                    coverage=Coverage.COVERED if point.id in ids else Coverage.MISSED,
                    credit=float(point.id in ids),
                )
                for point in question.key_points
            )
        )
        for ids in covered
    ]


def test_the_question_card_as_it_goes_to_slack() -> None:
    [message] = render(cards.question(ROUND), reference=REF)
    check(message)
    assert list(message.blocks) == [
        {"type": "header", "text": plain("Question of Sunday, 22 November")},
        rich(
            section(bold(PROMPT)),
            section(text("easy · fundamentals · architectures")),
            section(
                text("Answer in the thread, in your own words. Edit a message to revise it, delete it to withdraw it.")
            ),
            section(
                text("Closes "),
                {
                    "type": "date",
                    "timestamp": 1_795_424_400,
                    "format": "\u200b{day_divider_pretty} at {time}",
                    "fallback": "Monday 23 November, 10:00",
                },
                text("."),
            ),
        ),
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "text": plain("Answer"),
                    "action_id": "answer",
                    "value": "slack:T024BE7LH/C061EG9SL@2026-11-22",
                    "style": "primary",
                },
                {
                    "type": "button",
                    "text": plain("Hint"),
                    "action_id": "hint",
                    "value": "slack:T024BE7LH/C061EG9SL@2026-11-22",
                },
            ],
        },
        {
            "type": "context",
            "elements": [plain("about 3 min, 2-4 sentences · ✓ marks what counts · ref 7K3F2A")],
        },
    ]
    assert message.text.splitlines() == [
        "Question of Sunday, 22 November",
        PROMPT,
        "easy · fundamentals · architectures",
        "Answer in the thread, in your own words. Edit a message to revise it, delete it to withdraw it.",
        "Closes <!date^1795424400^\u200b{day_divider_pretty} at {time}|Monday 23 November, 10:00>.",
        "about 3 min, 2-4 sentences · ✓ marks what counts · ref 7K3F2A",
    ]


def test_the_reveal_as_it_goes_to_slack() -> None:
    top = [
        Standing(rank=1, member=ADA, points=12, rounds=5, streak=4),
        Standing(rank=2, member=BOB, points=1, rounds=1),
    ]
    members = {ADA: make_member(ADA, name="Ada <!channel>", public=True), BOB: make_member(BOB)}
    grades = grades_of(ASKED, {"stacked-weighted-sums", "nonlinearity"}, {"nonlinearity"})
    [message] = render(cards.reveal(ROUND, grades, top, members), reference=REF)
    check(message)
    assert list(message.blocks) == [
        {"type": "header", "text": plain("Reference answer · Question of Sunday, 22 November")},
        rich(section(bold(PROMPT))),
        rich(
            section(
                text(
                    "A neural network is a parameterized function made of stacked layers: each layer takes weighted "
                    "sums of its inputs, adds biases, and passes the results through a non-linear activation. "
                    "Training fits those weights and biases to data by lowering a loss with gradient descent."
                )
            )
        ),
        rich(
            bullets(
                section(
                    bold("Unit and layer."),
                    text(" One unit computes "),
                    code("f(w·x + b)"),
                    text(". A dense layer does this for many units at once, "),
                    code("f(Wx + b)"),
                    text(" with a weight matrix "),
                    code("W"),
                    text(", and its output feeds the next layer."),
                ),
                section(
                    bold("Why non-linear."),
                    text(
                        " Drop the activations and the whole stack collapses into a single affine map, so extra "
                        "depth could represent nothing new."
                    ),
                ),
                section(
                    bold("Training."),
                    text(
                        " A loss measures the error on examples, backpropagation supplies its gradient for every "
                        "weight, and gradient descent takes a small step against that gradient, again and again."
                    ),
                ),
                section(
                    bold("Use."),
                    text(
                        " At inference the weights stay fixed and a forward pass gives the prediction. The aim is "
                        "good predictions on unseen data, not a perfect fit to the training set."
                    ),
                ),
                section(
                    bold("Caveat."),
                    text(
                        " The brain is only a loose analogy. Universal approximation (common activations, a large "
                        "enough network, any continuous function on a compact domain) promises that suitable weights "
                        "exist; training may still miss them."
                    ),
                ),
            )
        ),
        rich(
            section(
                bold("Most missed: "), text("Gradient descent adjusts the weights to reduce a loss on data (2 of 2)")
            )
        ),
        rich(
            section(bold("What the 2 answers covered")),
            bullets(
                section(bold("1 of 2 "), text("A parameterized function: stacked layers of weighted sums plus biases")),
                section(
                    bold("2 of 2 "),
                    text("Non-linear activations keep the stack from collapsing into one linear map"),
                ),
                section(bold("0 of 2 "), text("Gradient descent adjusts the weights to reduce a loss on data")),
                section(
                    bold("0 of 2 "),
                    text("Backpropagation supplies the gradients that training needs (a senior would add)"),
                ),
                section(
                    bold("0 of 2 "),
                    text("The aim is good results on unseen data, not memorizing examples (a senior would add)"),
                ),
                section(
                    bold("0 of 2 "),
                    text(
                        "The approximation theorem promises suitable weights, but not that optimization reaches them "
                        "(a senior would add)"
                    ),
                ),
            ),
        ),
        rich(
            section(
                bold("To talk about:"),
                text(" One wide hidden layer is already a universal approximator, so what does depth buy you?"),
            )
        ),
        rich(
            section(
                bold("Read on: "),
                text("Goodfellow, Bengio & Courville, Deep Learning, ch. 6, 2016, ISBN 978-0262035613"),
            ),
            section(
                bold("Read on: "),
                text("LeCun, Bengio & Hinton, Deep learning, 2015, "),
                {"type": "link", "url": "https://doi.org/10.1038/nature14539", "text": "doi:10.1038/nature14539"},
            ),
        ),
        rich(
            section(bold("This month's board")),
            {
                "type": "rich_text_preformatted",
                "elements": [
                    text(
                        "1. Ada <!channel>  12 points\n"
                        "   5 rounds, 4 in a row\n"
                        "2. someone           1 point\n"
                        "   1 round"
                    )
                ],
            },
        ),
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "text": plain(label),
                    "action_id": press,
                    "value": "slack:T024BE7LH/C061EG9SL@2026-11-22",
                }
                for label, press in (("My result", "result"), ("I covered this", "object"), ("Answers", "answers"))
            ],
        },
        {"type": "context", "elements": [plain("ref 7K3F2A")]},
    ]
    assert message.text.splitlines()[-5:] == [
        "1. Ada &lt;!channel&gt;  12 points",
        "   5 rounds, 4 in a row",
        "2. someone           1 point",
        "   1 round",
        "ref 7K3F2A",
    ]
    assert "Bengio &amp; Courville" in message.text


@pytest.mark.parametrize("question", BANK.questions, ids=lambda question: question.slug)
def test_the_fullest_reveal_of_every_question_of_the_bank_is_one_message(question: Question) -> None:
    everything = {point.id for point in question.key_points}
    members = {
        MemberId(f"{CHANNEL}/@U{n}"): make_member(f"{CHANNEL}/@U{n}", name="損失" * 20, public=True) for n in range(3)
    }
    top = [Standing(rank=1, member=member, points=1000, rounds=300, streak=300) for member in members]
    card = cards.reveal(
        make_round(CHANNEL, question=question), grades_of(question, *[everything] * 250), top, members, tied=40
    )
    [message] = render(card, reference=REF)
    check(message)
    whole = re.sub(r"[*`]|^- ", "", question.answer, flags=re.MULTILINE)
    for words in [*whole.split("\n"), *(question.code.source.split("\n") if question.code else [])]:
        assert words in read(message.text)


@pytest.mark.parametrize("question", BANK.questions, ids=lambda question: question.slug)
def test_no_question_card_holds_its_answer(question: Question) -> None:
    [message] = render(cards.question(make_round(CHANNEL, question=question)), reference=REF)
    check(message)
    everything = json.dumps(message.blocks, ensure_ascii=False) + message.text
    assert [point.text for point in question.key_points if point.text in everything] == []


# --- every kind of block ------------------------------------------------------------------------------------------


def test_a_line_keeps_its_strong_words_and_a_list_its_items_together() -> None:
    assert body(
        Line((Words("plain "), Words("strong", strong=True))),
        Line((Words("one"),), bullet=True),
        Line((Words("two"),), bullet=True),
        Line((Words("after"),)),
    ) == [
        section(text("plain "), bold("strong")),
        bullets(section(text("one")), section(text("two"))),
        section(text("after")),
    ]


def test_headings_and_paragraphs_are_set_off_by_blocks_of_their_own() -> None:
    [message] = render(
        Card(
            title="A title",
            body=(
                Line((Words("first"),)),
                Line((Words("Heading", strong=True),)),
                Line((Words("below it"),)),
                Prose("one\nstill one\n\n\ntwo"),
                Line((Words("after"),)),
                Line((Words("and on"),)),
            ),
        )
    )
    assert ["|".join(lines_of(block)) for block in message.blocks[1:]] == [
        "first",
        "Heading|below it",
        "one|still one",
        "two",
        "after|and on",
    ]


@pytest.mark.parametrize(
    ("style", "pattern", "fallback"),
    [
        (TimeStyle.TIME, "{time}", "18:00"),
        (TimeStyle.DATE, "\u200b{day_divider_pretty}", "Sunday 22 November"),
        (TimeStyle.DATE_TIME, "\u200b{day_divider_pretty} at {time}", "Sunday 22 November, 18:00"),
    ],
)
def test_a_time_is_each_readers_own_and_falls_back_to_the_channels(
    style: TimeStyle, pattern: str, fallback: str
) -> None:
    span = When(NOW, style, "Asia/Tokyo")
    stamp = 1_795_338_000
    [message] = render(Card(title="x", body=(Line((span,)),), footer=(Words("at "), span)))
    check(message)
    assert list(inlines(message.blocks)) == [
        {"type": "date", "timestamp": stamp, "format": pattern, "fallback": fallback}
    ]
    assert message.blocks[-1]["elements"] == [
        plain("at"),
        {"type": "mrkdwn", "text": f"<!date^{stamp}^{pattern}|{fallback}>", "verbatim": True},
    ]


def test_a_channel_is_shown_by_its_name() -> None:
    [message] = render(notices.asleep(make_drill("slack:T1/C061EG9SL"), 5), reference=REF)
    check(message)
    assert {"type": "channel", "channel_id": "C061EG9SL"} in inlines(message.blocks)
    assert "asking in <#C061EG9SL>." in message.text


@pytest.mark.parametrize("channel", ["terminal:local/general", "slack:T1/C1> <!channel", "slack:T1/", "none"])
def test_a_channel_that_slack_cannot_know_is_words(channel: str) -> None:
    [message] = render(Card(title="x", body=(Line((Channel(channel),)),)))
    check(message)
    assert "<" not in message.text
    assert body(Line((Channel(channel),))) == [section(text("#" + channel.partition("/")[2]))]
    [message] = render(Card(title="x", footer=(Words("of "), Channel(channel))))
    assert message.blocks[-1]["elements"] == [plain("of #" + channel.partition("/")[2])]


@pytest.mark.parametrize(
    ("jump", "url"),
    [
        (Jump(CHANNEL, None, "1795338000.000200"), "https://slack.com/archives/C061EG9SL/p1795338000000200"),
        (
            Jump(CHANNEL, "1795338000.000200", "1795338999.000100"),
            "https://slack.com/archives/C061EG9SL/p1795338999000100?thread_ts=1795338000.000200&cid=C061EG9SL",
        ),
        (
            Jump(CHANNEL, "1795338000.000200", "1795338000.000200"),
            "https://slack.com/archives/C061EG9SL/p1795338000000200",
        ),
    ],
)
def test_a_jump_is_a_link_to_the_message_or_into_its_thread(jump: Jump, url: str) -> None:
    assert body(Line((jump,))) == [section({"type": "link", "url": url, "text": "open"})]
    [message] = render(Card(title="x", footer=(jump,)), reference=REF)
    check(message)
    assert message.blocks[-1]["elements"][0]["text"] == f"<{url.replace('&', '&amp;')}|open> · ref {REF}"


def test_words_lead_to_a_page_and_where_that_cannot_be_they_stand_alone() -> None:
    page = "https://arxiv.org/abs/1412.6980"
    assert body(Line((Link("arXiv:1412.6980", page),))) == [
        section({"type": "link", "url": page, "text": "arXiv:1412.6980"})
    ]
    for url in ("javascript:alert(1)", "https://a.b/" + "x" * 3000, "", "https:// x"):
        assert body(Line((Link("a page", url),))) == [section(text("a page"))]


def test_a_control_sign_alone_on_a_line_is_shown() -> None:
    assert body(Prose("\r")) == [section(text("\N{REPLACEMENT CHARACTER}"))]


def test_who_is_named_is_not_pinged() -> None:
    assert body(Line((Mention("slack:T1/@U1", "ada"),))) == [section(text("@ada"))]


@pytest.mark.parametrize(
    ("markdown", "elements"),
    [
        ("plain", [text("plain")]),
        ("a **b** c", [text("a "), bold("b"), text(" c")]),
        ("*a* b", [text("a", italic=True), text(" b")]),
        ("これは**太字**です", [text("これは"), bold("太字"), text("です")]),
        ("`a * b` `**c**`", [code("a * b"), text(" "), code("**c**")]),
        ("**a `b**c` d**", [bold("a "), text("b**c", bold=True, code=True), bold(" d")]),
        ("**a *b* c**", [bold("a "), text("b", bold=True, italic=True), bold(" c")]),
        ("2 * 3 * 4", [text("2 * 3 * 4")]),
        ("a*b*c and x**2 + y**2", [text("a*b*c and x**2 + y**2")]),
        ("a ** b ** c", [text("a ** b ** c")]),
        ("a lone * and ` and **", [text("a lone * and ` and **")]),
        ("**not closed", [text("**not closed")]),
        ("w_i and ~h~ :smile: <!here>", [text("w_i and ~h~ :smile: <!here>")]),
        ("-1 is no item", [text("-1 is no item")]),
    ],
)
def test_the_marks_of_prose_become_styles_and_all_else_stays_as_typed(
    markdown: str, elements: list[dict[str, Any]]
) -> None:
    assert body(Prose(markdown)) == [section(*elements)]


def test_prose_has_lists_and_programs() -> None:
    assert body(Prose("So:\n\n- **one**\n- two\n\n```py\nx = a * b\n- no item\n\nend\n```\nDone.")) == [
        section(text("So:")),
        bullets(section(bold("one")), section(text("two"))),
        {
            "type": "rich_text_preformatted",
            "elements": [text("x = a * b\n- no item\n\nend")],
            "language": "python",
        },
        section(text("Done.")),
    ]


def test_marks_that_never_close_take_no_time() -> None:
    for markdown in ("**" + "`a`" * 500, "*" * 1_000 + "`" * 999, "*a " * 900, "**a `" * 500):
        assert render(Card(title="x", body=(Prose(markdown),)))


def test_a_program_keeps_its_lines_and_has_its_language_where_slack_knows_it() -> None:
    assert body(Snippet("\ndef f(x):\n    return **x**\n", "Python"), Snippet("let x = ```1```", "ocaml")) == [
        {
            "type": "rich_text_preformatted",
            "elements": [text("def f(x):\n    return **x**")],
            "language": "python",
        },
        {"type": "rich_text_preformatted", "elements": [text("let x = ```1```")]},
    ]


def test_buttons_of_one_kind_have_actions_of_their_own_that_tell_the_press() -> None:
    card = Card(title="x", buttons=tuple(Button(Press.RESUME, "Resume", f"slack:T1/C{n}") for n in range(30)))
    [message] = render(card)
    check(message)
    buttons = [button for block in message.blocks if block["type"] == "actions" for button in block["elements"]]
    assert [button["value"] for button in buttons] == [f"slack:T1/C{n}" for n in range(30)]
    assert [press_of(button["action_id"]) for button in buttons] == [Press.RESUME] * 30
    assert [press_of(action_id(press)) for press in Press] == list(Press)
    assert press_of("somebody else's") is None


@pytest.mark.parametrize(
    ("label", "shown_as"),
    [("x" * 75, "x" * 75), ("x" * 76, "x" * 74 + "…"), ("🧠" * 60, "🧠" * 37 + "…"), ("", "hint")],
)
def test_a_label_too_long_for_a_button_is_cut_visibly(label: str, shown_as: str) -> None:
    [message] = render(Card(title="x", buttons=(Button(Press.HINT, label, "x"),)))
    check(message)
    assert message.blocks[1]["elements"][0]["text"]["text"] == shown_as


# --- boards -------------------------------------------------------------------------------------------------------


def rows_of(*rows: Row) -> list[str]:
    [board] = body(Board(rows))
    return str(board["elements"][0]["text"]).split("\n")


def test_a_small_board_has_a_line_for_each_row() -> None:
    assert rows_of(
        Row("1.", "Ada", "12 points", "4 rounds"),
        Row("2.", "Grace", "3 points", "1 round", own=True),
        Row("10.", "Al", "1 point", "1 round"),
    ) == [
        " 1. Ada    12 points  4 rounds",
        " 2. Grace   3 points  1 round  (you)",
        "10. Al       1 point  1 round",
    ]


def test_a_board_too_wide_for_a_phone_has_two() -> None:
    assert rows_of(
        Row("1.", "Ada Lovelace", "12 points", "14 rounds, 12 in a row"),
        Row("2.", "Grace", "3 points", "1 round", own=True),
    ) == [
        "1. Ada Lovelace  12 points",
        "   14 rounds, 12 in a row",
        "2. Grace          3 points",
        "   1 round  (you)",
    ]


@pytest.mark.parametrize("name", ["Ada " * 50, "損失関数" * 10, "🧠" * 40, "e" + "\u0301" * 4_000, "👩\u200d💻" * 40])
def test_no_name_makes_a_board_wider_than_a_phone_or_moves_its_columns(name: str) -> None:
    first, second = rows_of(Row("1.", name, "99 points", ""), Row("2.", "Al", "98 points", ""))
    wide = first.partition("  99")[0].removeprefix("1. ").rstrip()
    assert wide.endswith("…")
    assert not wide.endswith("\u200d…")
    twice = sum(unicodedata.east_asian_width(sign) == "W" for sign in wide.replace("\u200d💻", ""))
    once = len([sign for sign in wide.replace("\u200d💻", "") if not unicodedata.combining(sign)])
    assert twice + once <= 20
    gap = len(first.partition("99")[0]) - len("1. ") - len(wide)
    assert twice + once + gap == len(second.partition("98")[0]) - len("2. ")


def test_an_empty_board_says_what_there_is_to_say() -> None:
    assert body(Board((), empty="No points yet."), Line((Words("x"),))) == [
        section(text("No points yet.")),
        section(text("x")),
    ]
    assert body(Board(()), Line((Words("x"),))) == [section(text("x"))]


# --- parts --------------------------------------------------------------------------------------------------------

LONG = Card(
    title="Long",
    body=tuple(Line((Words(f"line {number}: " + "many words " * 20),)) for number in range(80)),
    buttons=(Button(Press.ANSWER, "Answer", "x"),),
    footer=(Words("about 3 min"),),
)


def test_every_part_has_the_reference_in_footer_and_text_and_only_the_last_the_rest() -> None:
    messages = render(LONG, reference=REF)
    assert len(messages) == 3
    ends = ["part 1 of 3 · ref 7K3F2A", "part 2 of 3 · ref 7K3F2A", "about 3 min · part 3 of 3 · ref 7K3F2A"]
    for message, end in zip(messages, ends, strict=True):
        check(message)
        assert message.blocks[-1] == {"type": "context", "elements": [plain(end)]}
        assert message.text.endswith(end)
    assert [[block["type"] for block in message.blocks] for message in messages] == [
        ["header", "rich_text", "context"],
        ["rich_text", "context"],
        ["rich_text", "actions", "context"],
    ]


def test_parts_break_between_lines_and_no_heading_is_left_behind() -> None:
    headed = [
        Line((Words(f"Heading {number}" if number % 2 else "words " * 45, strong=bool(number % 2)),))
        for number in range(160)
    ]
    messages = render(Card(title="Long", body=tuple(headed)))
    assert len(messages) > 2
    for message in messages[:-1]:
        assert lines_of(message.blocks[-2])[-1] == "words " * 45


def test_a_paragraph_longer_than_a_section_breaks_between_words() -> None:
    [message] = render(Card(title="x", body=(Prose("- " + "word " * 1_200 + "\n- next"),)))
    check(message)
    assert "".join(said(inline) for inline in inlines(message.blocks)) == "word " * 1_200 + "next"
    assert all(re.fullmatch("(word )+|next", said(inline)) for inline in inlines(message.blocks))
    assert [element["type"] for element in message.blocks[1]["elements"]] == [
        "rich_text_list",
        "rich_text_section",
        "rich_text_section",
        "rich_text_list",
    ]


def test_a_long_program_is_opened_anew_between_lines_in_its_language() -> None:
    source = "\n".join(f"x_{number} = {number} * 'a <b> & c'" for number in range(700))
    messages = render(Card(title="x", body=(Snippet(source, "python"),)), reference=REF)
    boxes = [
        element
        for message in messages
        for block in message.blocks
        for element in block["elements" if block["type"] == "rich_text" else "type"]
        if isinstance(element, dict)
    ]
    assert len(messages) > 1
    assert {(box["type"], box["language"]) for box in boxes} == {("rich_text_preformatted", "python")}
    assert "\n".join(box["elements"][0]["text"] for box in boxes) == source


def test_signs_made_of_several_are_not_torn_apart() -> None:
    for sign in ("e\u0301", "👩\u200d💻", "👍🏽", "क\u093f"):
        messages = render(Card(title="x", body=(Line((Words(sign * 4_000),)),)))
        for inline in inlines([message.blocks for message in messages]):
            assert said(inline).startswith(sign[0])
            assert said(inline).endswith(sign[-1])


def test_no_text_is_so_long_that_slack_cuts_it_off_where_its_signs_have_to_be_escaped() -> None:
    messages = render(Card(title="x", body=tuple(Line((Words("&" * 2_900),)) for _ in range(3))), reference=REF)
    for message in messages:
        check(message)
    assert sum(message.text.count("&amp;") for message in messages) == 3 * 2_900


@pytest.mark.parametrize("title", ["", " ", "\n", "x" * 150, "x" * 151, "🧠" * 75, "🧠" * 76, "words " * 1_000])
def test_a_title_of_any_length_is_shown_whole(title: str) -> None:
    messages = render(Card(title=title, body=(Line((Words("below"),)),)))
    for message in messages:
        check(message)
    assert "".join("".join(map(shown, messages)).split()) == "".join(f"{title}below".split())


def test_a_card_of_nothing_is_still_a_message() -> None:
    for card in (Card(title=""), Card(title=" ", body=(Line(()), Prose(""), Snippet("\n", "x"), Board(())))):
        [message] = render(card)
        check(message)
        assert message.text == "…"


def words_of(text: str) -> str:
    """Words without their spaces, and without the signs that are marks in prose or stand for nothing."""
    return re.sub(r"[\s*`•…-]", "", clean(text))


pieces = st.sampled_from(
    [
        "a",
        "word ",
        "🧠",
        "&",
        "<!channel> ",
        '"',
        "\\",
        "語",
        "क\u093f",
        "👩\u200d💻",
        "e\u0301",
        "\n",
        "\u202e",
        "**",
        "`",
    ]
)
any_words = st.one_of(
    st.text(max_size=60),
    st.builds(lambda some, times: "".join(some) * times, st.lists(pieces, max_size=6), st.integers(1, 900)),
)
instants = st.integers(0, 10_000).map(lambda hours: NOW + hours * HOUR)
spans: st.SearchStrategy[Span] = st.one_of(
    st.builds(Words, any_words, st.booleans()),
    st.builds(When, instants, st.sampled_from(TimeStyle), st.sampled_from(["UTC", "Asia/Kolkata"])),
    st.just(Channel("slack:T1/C0ABC")),
    st.just(Jump("slack:T1/C0ABC", "1795338000.000200", "1795338999.000100")),
    st.just(Link("arXiv:1412.6980", "https://arxiv.org/abs/1412.6980")),
    st.builds(Mention, st.just("slack:T1/@U1"), any_words),
)
some_spans = st.lists(spans, max_size=14).map(tuple)
rows = st.builds(Row, st.just("1."), st.sampled_from(["Ada", "損失"]), st.just("3 points"), any_words, st.booleans())
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(Line, some_spans, st.booleans()),
    st.builds(Prose, any_words),
    st.builds(lambda before, inside: Prose(f"{before}\n```\n{inside}\n```\n- x"), any_words, any_words),
    st.builds(Snippet, any_words, st.sampled_from(["python", "tex", ""])),
    st.builds(Board, st.lists(rows, max_size=60).map(tuple), any_words),
)
any_cards = st.builds(
    Card,
    title=any_words,
    body=st.lists(blocks, max_size=8).map(tuple),
    buttons=st.lists(
        st.builds(Button, st.sampled_from(Press), st.text(max_size=37), st.just("slack:T1/C1@2026-11-22")), max_size=6
    ).map(tuple),
    footer=some_spans,
)


any_pictures = st.builds(Picture, any_words, st.just(()), any_words)


def what_it_says(card: Card) -> str:
    """All words of a card in order, by no other way than the card itself; without its buttons."""

    def span(one: Span) -> str:
        match one:
            case Words():
                return one.text
            case When():
                return "WHEN"
            case Channel():
                return "CHANNEL"
            case Jump():
                return "JUMP"
            case Link():
                return one.text
            case Mention():
                return f"@{one.name}"

    said = [card.title]
    for block in card.body:
        match block:
            case Line():
                said += map(span, block.spans)
            case Prose():
                said.append(re.sub(r"(?m)^```[^\n]*$", "", block.markdown))
            case Snippet():
                said.append(block.source)
            case Board():
                said += [
                    f"{row.rank}{row.name}{row.points}{row.rest}{'(you)' if row.own else ''}" for row in block.rows
                ]
                said.append("" if block.rows else block.empty)
    return words_of("".join(map(clean, said)) + "".join(map(span, card.footer)))


def what_blocks_say(messages: tuple[Message, ...]) -> str:
    said = []
    footers = []
    for message in messages:
        for block in message.blocks:
            match block["type"]:
                case "header":
                    said.append(block["text"]["text"])
                case "context":
                    footers += [
                        replaced(text["text"]) if text["type"] == "mrkdwn" else text["text"]
                        for text in block["elements"]
                    ]
                case "rich_text":
                    for inline in inlines(block):
                        names = {"date": "WHEN", "channel": "CHANNEL"}
                        jump = inline["type"] == "link" and inline["text"] == "open"
                        said.append(names.get(inline["type"]) or ("JUMP" if jump else inline["text"]))
    return words_of(re.sub(NOTE, "", "".join(said + footers)))


NOTE = rf"( · )?(part \d+ of \d+ · )?ref {REF}"


def replaced(mrkdwn: str) -> str:
    for pattern, name in (
        (r"<!date\^\d+\^[^|<>]*\|[^<>]*>", "WHEN"),
        ("<#C0ABC>", "CHANNEL"),
        (r"<https://slack.com/archives/C0ABC/p1795338999000100[^<>]*\|open>", "JUMP"),
        (r"<https://arxiv.org/abs/1412.6980\|arXiv:1412.6980>", "arXiv:1412.6980"),
    ):
        mrkdwn = re.sub(pattern, name, mrkdwn)
    return mrkdwn


@settings(deadline=None, max_examples=50)
@given(any_cards)
def test_every_message_of_any_card_is_one_that_slack_takes(card: Card) -> None:
    for message in render(card, reference=REF):
        check(message)


@settings(deadline=None, max_examples=50)
@given(any_cards)
def test_the_parts_of_any_card_say_all_it_says_once_and_in_order(card: Card) -> None:
    messages = render(card, reference=REF)
    expected = what_it_says(card)
    if card.buttons:
        labels = [
            b["text"]["text"] for m in messages for k in m.blocks if k["type"] == "actions" for b in k["elements"]
        ]
        assert list(map(words_of, labels)) == [
            words_of(button.label) if clean(button.label).strip() else button.press.value for button in card.buttons
        ]
    assert what_blocks_say(messages) == expected
    texts = "".join(re.sub(rf" ?{NOTE}$", "", message.text) for message in messages)
    assert words_of(html.unescape(replaced(texts))) == expected


@settings(deadline=None, max_examples=50)
@given(any_cards)
def test_the_parts_of_a_card_do_not_depend_on_the_reference(card: Card) -> None:
    without, one, other = render(card), render(card, reference="222222"), render(card, reference="ZZZZZZ")
    assert len(without) == len(one) == len(other)
    assert [shown(message).replace("222222", "ZZZZZZ") for message in one] == [shown(message) for message in other]


@settings(deadline=None, max_examples=10)
@given(any_cards, any_pictures)
def test_any_picture_goes_along_and_without_its_file_the_same_words_stand_in_as_many_parts(
    card: Card, picture: Picture
) -> None:
    card = replace(card, picture=picture)
    with_it, without = render(card, reference=REF, file=FILE), render(card, reference=REF)
    for message in (*with_it, *without):
        check(message)
    images = [[block["type"] for block in message.blocks].count("image") for message in with_it]
    assert sum(images) == 1
    assert [message.text for message in with_it] == [message.text for message in without]
    assert not any(block["type"] == "image" for message in without for block in message.blocks)


def test_a_picture_stands_between_the_words_and_the_buttons() -> None:
    picture = Picture("The board", (), "1. ada, 3 points")
    button = Button(Press.ANSWER, "Answer", "slack:T1/C1@2026-11-22")
    card = Card(title="A card", body=(Line((Words("says so"),)),), buttons=(button,), picture=picture)
    [message] = render(card, reference=REF, file=FILE)
    assert [block["type"] for block in message.blocks] == ["header", "rich_text", "image", "actions", "context"]
    assert message.blocks[2] == {
        "type": "image",
        "title": plain("The board"),
        "alt_text": "1. ada, 3 points",
        "slack_file": {"id": FILE},
    }


def test_room_is_kept_for_a_picture_with_many_words() -> None:
    body = tuple(Line((Words("a line " * 60),)) for _ in range(20))
    for lines in range(1, 20):
        card = Card(title="A card", body=body[:lines], picture=Picture("Ω" * 300, (), "Ω" * 3_000))
        messages = render(card, reference=REF, file=FILE)
        assert all(len(json.dumps(message.blocks, separators=(",", ":"))) <= 10_000 for message in messages)
        check(messages[-1])


def test_a_picture_alone_says_what_it_shows() -> None:
    card = Card(title="", picture=Picture("", (), "1. <!here>, 3 points"))
    [message] = render(card, file=FILE)
    assert [block["type"] for block in message.blocks] == ["image"]
    assert message.text == "1. &lt;!here&gt;, 3 points"
    [message] = render(card)
    assert shown(message) == "1. <!here>, 3 points"


@settings(deadline=None, max_examples=50)
@given(any_cards)
def test_nothing_in_any_card_pings_anybody(card: Card) -> None:
    for message in render(card, reference=REF):
        assert set(re.findall(r"<[^d#h]|<!(?!date)", message.text)) <= {"<!"}
        assert re.findall(r"<!(?!date\^)|<@", message.text) == []
        assert "&" not in re.sub(r"&(amp|lt|gt);", "", message.text)
        assert {inline["type"] for inline in inlines(message.blocks)} <= set(INLINE)


# --- words that would like to be more -----------------------------------------------------------------------------

NASTY = {
    "everybody": "<!channel> <!here> <!everyone>",
    "member": "<@U024BE7LH>",
    "group": "<!subteam^SAZ94GDB8>",
    "channel": "<#C061EG9SL>",
    "bare names": "@channel @here #general",
    "masked link": "<https://evil.example|https://slack.com>",
    "link": "https://evil.example/?a=1&b=2",
    "date": "<!date^0^{date}|now>",
    "entities": "&lt;!channel&gt; &amp;",
    "markup": "*a* _b_ ~c~ > d :smile: ```e```",
}
PLACES: dict[str, Callable[[str], Card]] = {
    "title": lambda words: Card(title=words),
    "long title": lambda words: Card(title=words + " x" * 100),
    "line": lambda words: Card(title="x", body=(Line((Words(words),)),)),
    "item": lambda words: Card(title="x", body=(Line((Words(words, strong=True),), bullet=True),)),
    "program": lambda words: Card(title="x", body=(Snippet(words, "python"),)),
    "board": lambda words: Card(title="x", body=(Board((Row("1.", "Ada", words, words),)),)),
    "empty board": lambda words: Card(title="x", body=(Board((), empty=words),)),
    "footer": lambda words: Card(title="x", footer=(Words(words), When(NOW))),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", NASTY.values(), ids=NASTY)
def test_words_are_shown_as_typed_wherever_they_stand(place: str, words: str) -> None:
    [message] = render(PLACES[place](words), reference=REF)
    check(message)
    assert words in shown(message)
    assert {inline["type"] for inline in inlines(message.blocks)} <= {"text"}
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert escaped in message.text
    assert set(re.findall("<..", message.text)) <= {"<!d"}


UNSEEN = {
    "override": "\u202eevil\u202c",
    "isolate": "\u2066\u2069",
    "mark": "\u200f\u200e",
    "line separator": "a\u2028b",
    "invisible": "a\u200bb\ufeff",
    "tags": "\U000e0041",
    "half a sign": "\ud800",
    "private use": "\ue000",
    "bell": "\x07",
    "null": "\x00",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", UNSEEN.values(), ids=UNSEEN)
def test_no_unseen_sign_reorders_a_line_or_hides_in_it(place: str, words: str) -> None:
    [message] = render(PLACES[place](words), reference=REF)
    check(message)
    harmful = {sign for sign in words if unicodedata.category(sign)[0] in "CZ"}
    assert harmful & set(shown(message)) - {" ", "\n"} == set()
    without_dates = re.sub(r"<!date[^>]*>", "", message.text)
    assert harmful & set(without_dates) - {" ", "\n"} == set()


@pytest.mark.parametrize("place", [place for place in PLACES if place != "program"])
def test_a_name_of_two_lines_cannot_start_a_line_of_its_own(place: str) -> None:
    [message] = render(PLACES[place]("Eve\n9. Eve"))
    assert [row for row in shown(message).splitlines() if row.startswith("9.")] == []


@pytest.mark.parametrize("words", ["Größe", "損失関数", "دالة", "👩\u200d💻", "∂L/∂w ≤ ε", "e\u0301", "don’t – “x”"])
def test_honest_words_are_left_alone(words: str) -> None:
    assert clean(words) == words
    assert body(Line((Words(words),))) == [section(text(words))]


def test_a_question_that_comes_late_and_a_result_are_messages_too() -> None:
    late = cards.question(
        make_round(CHANNEL, sealed=True, reveal_at=NOW + DAY + HOUR), late=True, skipped=[(NOW - timedelta(1)).date()]
    )
    [message] = render(late, reference=REF)
    check(message)
    assert "Left out while I was away: 21 November." in shown(message)
    assert "Closes Monday 23 November, 09:00, revealed 10:00." in shown(message)
