"""Cards as Discord messages: what members see, what stays words, where a card is parted, and Discord's limits."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.discord.render import COLOURS, Message, render
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
    Press,
    Prose,
    Row,
    Snippet,
    TimeStyle,
    Tone,
    When,
    Words,
)
from bot.core.model import Coverage, MemberId, PointGrade, Question, Standing
from bot.core.shown import clean, on_one_line
from tests.factories import (
    DAY,
    HOUR,
    NOW,
    TODAY,
    make_answer,
    make_drill,
    make_grade,
    make_member,
    make_round,
)

CHANNEL: Final = "discord:41771983423143937/127121515262115840"
ADA: Final = MemberId("discord:41771983423143937/@80351110224678912")
BOB: Final = MemberId("discord:41771983423143937/@80351110224678913")
BANK: Final = Path(__file__).parents[3] / "data" / "questions.yaml"
QUESTIONS: Final = {q.slug: q for q in read_bank(BANK.read_text(encoding="utf-8"), BANK.name).questions}
SAMPLES: Final = Path(__file__).parents[1] / "sample.yaml"
[SAMPLE] = [
    question
    for question in read_bank(SAMPLES.read_text(encoding="utf-8"), SAMPLES.name).questions
    if question.slug == "feedforward-vs-recurrent"
]

# --- a reader: what Discord's clients make of a field --------------------------------------------------------

Seen = tuple[str, tuple[str, ...]]
"""Signs on the screen, and what they are: nothing more than text where that is empty."""

_STEPS: Final = [
    (kind, re.compile(pattern, re.IGNORECASE if kind == "block" else 0))
    for kind, pattern in (
        ("block", r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```"),
        ("escape", r"\\([^0-9A-Za-z\s])"),
        ("link", r"<([^: >]+:/[^ >]+)>|<([^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)>|<((?:tel:|sms:)?\+?[\d(][\d() ./-]+)>"),
        ("link", r"((?:https?|steam)://[^\s<]+[^<.,:;\"'\]\s])"),
        ("masked", r"\[([^\[\]]*)\]\(\s*<?((?:[^\s\\()]|\\.)*)>?\s*\)"),
        ("mention", r"<(?:@[!&]?|#)\d+>|@everyone|@here|@silent|</[^>\n]+:\d+>|<id:\w+(?::\d+)?>|<@time:[^>]*>"),
        ("emoji", r"<a?:\w+:\d+>|:[\w+~-]+(?:::skin-tone-\d)?:"),
        ("time", r"<t:(-?\d+)(?::([tTdDfFsSR]))?>"),
        ("strong", r"\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)"),
        ("underlined", r"__((?:\\[\s\S]|[^\\])+?)__(?!_)"),
        ("leaning", r"\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?) {0,2}\*(?!\*)"),
        ("leaning", r"_((?:__|\\[\s\S]|[^\\_])+?)_(?!\w)"),
        ("struck", r"~~([\s\S]+?)~~(?!_)"),
        ("spoiler", r"\|\|([\s\S]+?)\|\|"),
        ("code", r"(`+)([\s\S]*?[^`])\1(?!`)"),
    )
]
_BLOCKS: Final = [
    ("quote", re.compile(r" *>(?:>>)? ?")),
    ("heading", re.compile(r" *#{1,3}\s+(?=[^#\n])")),
    ("small", re.compile(r"-# +(?=[^\n])")),
    ("item", re.compile(r" *(?:[*+-]|\d+\.) +")),
]
_NESTED: Final = {"strong", "underlined", "leaning", "struck", "spoiler"}
_INLINE_CODE_ROOM: Final = re.compile(r"^ (?= *`)|(?<=`) $")


def read(source: str, *, title: bool = False) -> list[Seen]:
    """What members see of a description or a title, by the rules of Discord's own clients."""
    return list(_read(source, (), begins=True, title=title))


def _read(source: str, kinds: tuple[str, ...], *, begins: bool, title: bool) -> Iterator[Seen]:
    at = 0
    while at < len(source):
        if begins and not title:
            block = next(((kind, m) for kind, rule in _BLOCKS if (m := rule.match(source, at))), None)
            if block is not None:
                yield ("• " if block[0] == "item" else ""), (*kinds, block[0])
                at = block[1].end()
                continue
        if source[at] not in "\\`<:@[*_~|hs":
            begins = source[at] == "\n"
            yield source[at], kinds
            at += 1
            continue
        found = next(((kind, m) for kind, rule in _STEPS if (m := rule.match(source, at))), None)
        if found is None or (title and found[0] == "block"):
            yield source[at], kinds
            at += 1
        else:
            kind, match = found
            yield from _shown(kind, match, kinds, begins=begins, title=title)
            at = match.end()
        begins = False


def _shown(kind: str, match: re.Match[str], kinds: tuple[str, ...], *, begins: bool, title: bool) -> Iterator[Seen]:
    if kind == "escape":
        yield match[1], kinds
    elif kind == "block":
        yield match[2], (*kinds, f"block {match[1] or ''}".strip())
    elif kind == "code":
        yield _INLINE_CODE_ROOM.sub("", match[2]), (*kinds, "code")
    elif kind == "masked":
        yield match[1], (*kinds, f"link to {match[2]}")
    elif kind in _NESTED:
        yield from _read(match[1], (*kinds, kind), begins=begins, title=title)
    else:
        yield match[0], (*kinds, kind)


def merged(seen: list[Seen]) -> list[Seen]:
    """Neighbours of one kind as one."""
    together: list[Seen] = []
    for text, kinds in seen:
        if together and together[-1][1] == kinds:
            together[-1] = (together[-1][0] + text, kinds)
        else:
            together.append((text, kinds))
    return [piece for piece in together if piece[0]]


def text_of(seen: list[Seen]) -> str:
    return "".join(text for text, _ in seen)


def kinds_of(seen: list[Seen]) -> set[str]:
    return {kind for text, kinds in seen for kind in kinds}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        (r"\*a\*", [("*a*", ())]),
        ("**a** b", [("a", ("strong",)), (" b", ())]),
        ("a_b_c", [("a_b_c", ())]),
        ("_a_", [("a", ("leaning",))]),
        ("`a` ``b`c``", [("a", ("code",)), (" ", ()), ("b`c", ("code",))]),
        ("- a\n1. b", [("• ", ("item",)), ("a\n", ()), ("• ", ("item",)), ("b", ())]),
        ("x\n```python\ny\n```", [("x\n", ()), ("y", ("block python",))]),
        (
            "||a|| <@1> <t:5:R>",
            [("a", ("spoiler",)), (" ", ()), ("<@1>", ("mention",)), (" ", ()), ("<t:5:R>", ("time",))],
        ),
        ("[a](http://b.c)", [("a", ("link to http://b.c",))]),
    ],
)
def test_the_reader_reads_as_discord_does(source: str, seen: list[Seen]) -> None:
    assert merged(read(source)) == seen


# --- the limits ----------------------------------------------------------------------------------------------


def problems(message: Message) -> list[str]:
    """What Discord would refuse of a message, strictly: unknown fields, wrong types, limits, empty text."""
    found = []
    embed: dict[str, Any] = json.loads(json.dumps(message.embed))
    limits = {"title": 256, "description": 4096}
    texts = {field: embed[field] for field in limits if field in embed}
    if "footer" in embed:
        found += [f"footer has {set(embed['footer'])}"] * (set(embed["footer"]) != {"text"})
        limits["footer"] = 2048
        texts["footer"] = embed["footer"]["text"]
    found += [f"unknown {field}" for field in embed.keys() - {*limits, "color"}]
    found += [f"color {embed['color']}"] * (not 0 <= embed["color"] <= 0xFFFFFF)
    found += [f"no text in {field}" for field, text in texts.items() if not text.strip()]
    units = {field: len(text.encode("utf-16-le")) // 2 for field, text in texts.items()}
    found += [f"{units[field]} in {field}" for field in texts if units[field] > limits[field]]
    found += [f"{sum(units.values())} in all"] * (sum(units.values()) > 6000)
    found += ["nothing to show"] * (not texts.keys() & {"title", "description"})
    labels = [button.label for button in message.buttons]
    found += [f"{len(labels)} buttons"] * (len(labels) > 25)
    found += [f"label {label!r}" for label in labels if not label.strip() or len(label.encode("utf-16-le")) // 2 > 80]
    return found


def description(*blocks: Block) -> str:
    """The description of a card of these blocks, which must be one message."""
    (message,) = render(Card(title="A title", body=blocks))
    assert problems(message) == []
    return message.embed.get("description", "")


def shown(*blocks: Block) -> list[Seen]:
    return merged(read(description(*blocks)))


# --- every kind of card --------------------------------------------------------------------------------------

standings = [
    Standing(rank=1, member=ADA, points=12, rounds=4, streak=4),
    Standing(rank=2, member=BOB, points=1, rounds=1),
]
members = {ADA: replace(make_member(ADA, public=True), name="Ada"), BOB: make_member(BOB)}
partly = make_grade(
    1,
    points=(
        PointGrade(key_point="random", coverage=Coverage.PARTLY, credit=0.5, words="drops", lacking=("random",)),
        PointGrade(key_point="inference", coverage=Coverage.MISSED, credit=0.0, blocked_by="It drops inputs for good"),
    ),
)
CARDS = {
    "question": (cards.question(make_round(CHANNEL)), ["Question of Sunday, 22 November", "What does dropout do"]),
    "question that comes late": (
        cards.question(make_round(CHANNEL), late=True, skipped=[TODAY - timedelta(days=1)]),
        ["Left out while I was away: 21 November.", "This was due <t:1795338000:f>; it comes late."],
    ),
    "sealed question": (
        cards.question(make_round(CHANNEL, sealed=True, reveal_at=NOW + DAY + HOUR)),
        ["Answer by form", "Closes <t:1795424400:f>, revealed <t:1795428000:t>."],
    ),
    "question after the reveal": (cards.question_after_reveal(make_round(CHANNEL), 2), ["2 answers.", "revealed"]),
    "cancelled question": (
        cards.question_cancelled(make_round(CHANNEL), "its thread was deleted"),
        ["Cancelled: its thread was deleted.", "cancelled"],
    ),
    "reveal": (
        cards.reveal(make_round(CHANNEL), [make_grade(), partly], standings, members),
        ["It sets units to zero", "• 1 of 2 ", "1.  12 points Ada", "Read on: Srivastava and others"],
    ),
    "reveal without answers": (cards.reveal(make_round(CHANNEL), [], [], {}), ["Nobody answered this one."]),
    "result": (
        cards.result(make_round(CHANNEL), make_answer(), partly, 2, 1),
        ["You have part of it.", "• partly: Units are set to zero", "Careful: ", "2 points after 1 hint."],
    ),
    "hint": (cards.hint(make_round(CHANNEL), 1, "Think of an ensemble.", costs=True), ["Hint 1 of 1", "an ensemble."]),
    "sleeping drill": (notices.asleep(make_drill(CHANNEL), 5), ["This drill sleeps", "<#127121515262115840>"]),
}


@pytest.mark.parametrize(("card", "said"), CARDS.values(), ids=CARDS)
def test_every_kind_of_card_is_one_message_that_says_what_it_has_to(card: Card, said: list[str]) -> None:
    (message,) = render(card, reference="7K3F2A")
    embed = message.embed
    assert problems(message) == []
    text = "\n".join([text_of(read(embed["title"], title=True)), text_of(read(embed["description"]))])
    assert [words for words in said if words not in f"{text}\n{embed['footer']['text']}"] == []
    assert embed["footer"]["text"].endswith("ref 7K3F2A")
    assert message.buttons == card.buttons
    assert embed["color"] == COLOURS[card.tone]


GRADES: Final = [
    make_grade(
        2,
        points=(
            PointGrade(key_point="acyclic-no-state", coverage=Coverage.COVERED, credit=1.0, words="one way"),
            PointGrade(key_point="hidden-state", coverage=Coverage.COVERED, credit=1.0, words="state"),
        ),
    ),
    make_grade(0, points=(PointGrade(key_point="acyclic-no-state", coverage=Coverage.MISSED, credit=0.0),)),
]


REVEALED: Final = [
    "**How is a feedforward neural network structured, and what does a recurrent one (RNN) do differently?**",
    "",
    "In a feedforward network, data flow one way through a graph of layers without cycles, so the "
    "current input alone determines the output. A recurrent network (RNN) adds a hidden state that "
    "carries information from one time step to the next.",
    "",
    "- **Feedforward.** Input, hidden layers, output: each layer transforms what earlier layers "
    "produced, and nothing is kept between inputs. The fully connected MLP is the textbook example; CNNs "
    'count too, since the term means "no cycles".',
    "- **Recurrence.** `h_t = f(W_x·x_t + W_h·h_{t\N{MINUS SIGN}1} + b)`: the new hidden state combines the current "
    "input with the previous one.",
    "- **Shared weights.** The same `W_x`, `W_h` and `b` serve every time step, so sequences of any "
    "length fit. The output can come at each step or once, after the last one.",
    "- **Training.** Unrolling the steps removes the loop and leaves a deep feedforward graph that "
    "reuses its weights, so backpropagation applies (through time: BPTT). Its gradients contain products "
    "of many Jacobians and can vanish or explode.",
    "- **Caveat.** A classic RNN is serial: step `t` has to wait for step `t\N{MINUS SIGN}1`, which limits parallel "
    "training on long inputs. Attention and convolution avoid this and have often replaced it.",
    "",
    "**What the 2 answers covered**",
    "- **1 of 2** Data flow one way without cycles; the current input alone determines output",
    "- **1 of 2** A hidden state carries information from one time step to the next",
    "- **0 of 2** One set of weights serves every time step, so length may vary",
    "- **0 of 2** CNNs belong here too, since the term means acyclic, not fully connected (a senior would add)",
    "- **0 of 2** Unrolled training (BPTT) multiplies many Jacobians, so gradients vanish or explode (a "
    "senior would add)",
    "- **0 of 2** Steps run one after another, which limits parallel training (a senior would add)",
    "",
    "**To talk about:** What does truncated BPTT leave out, and which dependencies get no training signal as a result?",
    "**Read on:** Elman, Finding Structure in Time, 1990, "
    "[doi:10.1207/s15516709cog1402\\_1](https://doi.org/10.1207/s15516709cog1402_1)",
    "**Read on:** Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, "
    "2013, [arXiv:1211.5063](https://arxiv.org/abs/1211.5063)",
    "",
    "**This month's board**",
    "`1.  12 points` Ada · 4 rounds, 4 in a row",
    "`2.    1 point` someone · 1 round",
    "and 2 more at rank 2",
]


def test_the_question_card_as_it_is_sent() -> None:
    round_ = make_round(CHANNEL, question=SAMPLE)
    assert render(cards.question(round_), reference="7K3F2A") == (
        Message(
            embed={
                "color": COLOURS[Tone.OPEN],
                "title": "Question of Sunday, 22 November",
                "description": "\n".join(
                    [
                        "**How is a feedforward neural network structured, and what does a recurrent one (RNN) do "
                        "differently?**",
                        "easy · architectures · sequence-models",
                        "Answer in the thread, in your own words. Edit a message to revise it, "
                        "delete it to withdraw it.",
                        "Closes <t:1795424400:f>.",
                    ]
                ),
                "footer": {"text": "about 3 min, 2-4 sentences · ✓ marks what counts · ref 7K3F2A"},
            },
            buttons=(Button(Press.ANSWER, "Answer", round_.id), Button(Press.HINT, "Hint", round_.id)),
        ),
    )


def test_the_reveal_as_it_is_sent() -> None:
    round_ = make_round(CHANNEL, question=SAMPLE)
    (message,) = render(cards.reveal(round_, GRADES, standings, members, tied=2), reference="M4XQ9B")
    assert message.embed["description"].split("\n") == REVEALED
    assert message == Message(
        embed={
            "color": COLOURS[Tone.REVEALED],
            "title": "Reference answer · Question of Sunday, 22 November",
            "description": "\n".join(REVEALED),
            "footer": {"text": "ref M4XQ9B"},
        },
        buttons=(
            Button(Press.RESULT, "My result", round_.id),
            Button(Press.OBJECT, "I covered this", round_.id),
            Button(Press.ANSWERS, "Answers", round_.id),
        ),
    )


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_no_reveal_of_the_shipped_bank_needs_more_than_one_message(question: Question) -> None:
    points = tuple(PointGrade(key_point=p.id, coverage=Coverage.COVERED, credit=1.0) for p in question.key_points)
    missed = tuple(replace(point, coverage=Coverage.MISSED, credit=0.0) for point in points)
    grades = [make_grade(points=points), make_grade(points=missed)] * 125
    ids = [MemberId(f"{ADA}{number}") for number in range(3)]
    named = {member: replace(make_member(member, public=True), name="🦊_" * 16) for member in ids}
    top = [Standing(rank=100, member=member, points=1000, rounds=350, streak=350) for member in ids]
    round_ = make_round(CHANNEL, question=question)
    for card in (
        cards.reveal(round_, grades, top, named, tied=250),
        cards.reveal(round_, grades[:1], top, named),
        cards.reveal(round_, [], [], {}),
    ):
        (message,) = render(card, reference="7K3F2A")
        assert problems(message) == []


# --- words that would like to be more ------------------------------------------------------------------------

NASTY = {
    "everybody": "@everyone",
    "who is here": "@here",
    "member": "<@80351110224678912>",
    "member of old": "<@!80351110224678912>",
    "channel": "<#127121515262115840>",
    "role": "<@&165511591545143296>",
    "command": "</airhorn:816437322781949972>",
    "navigation": "<id:customize>",
    "timestamp": "<t:1618953630:R>",
    "custom emoji": "<:mmLol:216154654256398347>",
    "moving emoji": "<a:b1nzy:392938283556143104>",
    "emoji by name": "a :fire: b ::",
    "masked link": "[a prize](https://example.com)",
    "link in brackets": "[https://example.com](https://example.com)",
    "link": "see https://example.com/a_b_c?d=*e* now",
    "link without preview": "<https://example.com>",
    "link to a message": "https://discord.com/channels/1/2/3",
    "game": "steam://run/1",
    "mail": "<ada@example.com>",
    "telephone": "<+1 555 0100>",
    "bold": "**a** and __b__",
    "italics": "*a* and _b_",
    "struck": "~~a~~",
    "spoiler": "||a||",
    "code": "`a` and ``b``",
    "one backtick": "a ` b",
    "block": "```python",
    "backslashes": "\\ \\\\ \\* \\`a`",
    "shrug": "¯\\_(ツ)_/¯",
    "heading": "# a",
    "small": "-# a",
    "quote": "> a",
    "long quote": ">>> a",
    "item": "- a",
    "starred item": "* a",
    "number": "1. a",
    "indented item": "  - a",
    "formula": "2*x*y + w_1*h_{t-1} < 3 ~ |a| || |b|",
}


def one_line(text: str) -> list[Seen]:
    return [(" ".join(text.split()), ())]


@pytest.mark.parametrize("words", NASTY.values(), ids=NASTY)
def test_words_are_shown_as_typed(words: str) -> None:
    assert shown(Line((Words(words),))) == one_line(words)
    assert shown(Line((Words(f"a {words}"),))) == one_line(f"a {words}")
    assert shown(Line((Words(words, strong=True),))) == [(text, ("strong",)) for text, _ in one_line(words)]
    assert shown(Line((Words(words),), bullet=True)) == [("• ", ("item",)), *one_line(words)]
    assert shown(Line((Words("a"),)), Line((Words(words),))) == one_line_after("a\n", words)
    assert shown(Board((), empty=words)) == one_line(words)
    (message,) = render(Card(title=words, footer=(Words(words),)), reference="7K3F2A")
    assert merged(read(message.embed["title"], title=True)) == one_line(words)
    assert message.embed["footer"]["text"] == f"{' '.join(words.split())} · ref 7K3F2A"


def one_line_after(before: str, words: str) -> list[Seen]:
    return [(before + " ".join(words.split()), ())]


@pytest.mark.parametrize("words", NASTY.values(), ids=NASTY)
def test_names_on_a_board_are_shown_as_typed(words: str) -> None:
    assert shown(Board((Row("1.", words, "3 points", "1 round"),))) == [
        ("1.  3 points", ("code",)),
        (f" {on_one_line(words)} · 1 round", ()),
    ]


@given(
    st.lists(st.sampled_from([*"*_~|`<>@:/[]()\\#-+.1a \n", *NASTY.values()]), max_size=12)
    .map("".join)
    .filter(str.strip)
)
@settings(max_examples=300)
def test_no_mixture_of_signs_becomes_more_than_words(words: str) -> None:
    for text in (words, f"a {words}"):
        (message,) = render(Card(title=text[:100], body=(Line((Words(text),)),)))
        assert in_one_line(read(message.embed["description"])) == one_line(text)
        assert in_one_line(read(message.embed["title"], title=True)) == one_line(text[:100])


def in_one_line(seen: list[Seen]) -> list[Seen]:
    return [(" ".join(text.split()), kinds) for text, kinds in merged(seen)]


@given(st.lists(st.tuples(st.sampled_from([*NASTY.values(), "*", "_", ":", "`", "a", " "]), st.booleans()), max_size=6))
def test_spans_beside_each_other_make_nothing_of_each_other(spans: list[tuple[str, bool]]) -> None:
    seen = shown(Line((Words("a"), *(Words(text, strong=strong) for text, strong in spans))))
    assert kinds_of(seen) <= {"strong"}
    assert "".join(text_of(seen).split()) == "".join(f"a{''.join(text for text, _ in spans)}".split())


UNSEEN = {
    "override": "\u202eevil\u202c",
    "isolate": "\u2066\u2069",
    "mark": "\u200f\u200e",
    "line separator": "a\u2028b",
    "invisible": "a\u200bb\ufeff",
    "null": "\x00",
    "bell": "\x07",
    "half a sign": "\ud800",
    "private use": "\ue000",
    "tags": "\U000e0041",
}
PLACES: dict[str, Callable[[str], Card]] = {
    "title": lambda words: Card(title=words),
    "line": lambda words: Card(title="x", body=(Line((Words(words), Words(words, strong=True))),)),
    "item": lambda words: Card(title="x", body=(Line((Words(words),), bullet=True),)),
    "prose": lambda words: Card(title="x", body=(Prose(f"{words} **{words}** `{words}`\n- {words}"),)),
    "program": lambda words: Card(title="x", body=(Snippet(words, "python"),)),
    "board": lambda words: Card(title="x", body=(Board((Row("1.", words, "1 point", "1 round"),)),)),
    "button": lambda words: Card(title="x", buttons=(Button(Press.ANSWER, words, "x"),)),
    "footer": lambda words: Card(title="x", footer=(Words(words),)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", UNSEEN.values(), ids=UNSEEN)
def test_no_unseen_sign_is_sent_wherever_it_stands(place: str, words: str) -> None:
    (message,) = render(PLACES[place](words), reference="7K3F2A")
    sent = json.dumps(message.embed, ensure_ascii=False) + "".join(button.label for button in message.buttons)
    assert {sign for sign in words if unicodedata.category(sign)[0] in "CZ"} & set(sent) - {" "} == set()
    assert "\N{REPLACEMENT CHARACTER}" in sent


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("prose", "program", "button")])
def test_words_of_two_lines_cannot_start_a_line_of_their_own(place: str) -> None:
    (message,) = render(PLACES[place]("Eve\n1. Eve"))
    assert [row for row in json.dumps(message.embed).split("\\n") if row.startswith("1.")] == []


@pytest.mark.parametrize("text", ["Größe", "損失関数", "دالة", "👩\u200d💻", "∂L/∂w ≤ ε", "e\u0301", "don’t – “x”"])
def test_honest_words_are_left_alone(text: str) -> None:
    assert description(Line((Words(text),))) == text


# --- instants, channels, ways to messages --------------------------------------------------------------------


def test_an_instant_is_shown_to_each_reader_in_their_own_time() -> None:
    spans = [When(NOW, style, "Asia/Tokyo") for style in TimeStyle]
    assert description(*(Line((span,)) for span in spans)) == ("<t:1795338000:t>\n<t:1795338000:D>\n<t:1795338000:f>")


@pytest.mark.parametrize(
    ("style", "words"),
    [
        (TimeStyle.TIME, "18:00"),
        (TimeStyle.DATE, "Sunday 22 November"),
        (TimeStyle.DATE_TIME, "Sunday 22 November, 18:00"),
    ],
)
def test_an_instant_in_a_footer_is_put_into_words_in_the_channels_zone(style: TimeStyle, words: str) -> None:
    (message,) = render(Card(title="x", footer=(Words("closed "), When(NOW, style, "Asia/Tokyo"))))
    assert message.embed["footer"]["text"] == f"closed {words}"


def test_a_channel_is_shown_by_its_name_and_a_foreign_one_by_its_id() -> None:
    assert description(Line((Words("in "), Channel(CHANNEL)))) == "in <#127121515262115840>"
    assert shown(Line((Channel("terminal:local/general"),))) == [("#general", ())]
    (message,) = render(Card(title="x", footer=(Channel(CHANNEL),)))
    assert message.embed["footer"]["text"] == "#127121515262115840"


@pytest.mark.parametrize(
    ("jump", "path"),
    [
        (Jump(CHANNEL, None, "17"), "41771983423143937/127121515262115840/17"),
        (Jump(CHANNEL, "99", "17"), "41771983423143937/99/17"),
    ],
)
def test_a_way_to_a_message_is_a_link(jump: Jump, path: str) -> None:
    url = f"https://discord.com/channels/{path}"
    assert shown(Line((Words("see "), jump))) == [("see ", ()), ("jump", (f"link to {url}",))]
    (message,) = render(Card(title="x", footer=(jump,)))
    assert message.embed["footer"]["text"] == url


def test_words_lead_to_a_page_and_where_that_cannot_be_they_stand_alone() -> None:
    link = Link("a [page]*", "https://a.b/c_(d)?e=f g")
    assert description(Line((link,))) == r"[a \[page]\*](https://a.b/c_%28d%29?e=f%20g)"
    assert description(Line((Link("https://a.b/c_d", "https://a.b/c_d"),))) == "<https://a.b/c_d>"
    for url in ("javascript:alert(1)", "https://a.b/" + "x" * 3000, ""):
        assert description(Line((Link("a page", url),))) == "a page"
    (message,) = render(Card(title="x", footer=(link,)))
    assert message.embed["footer"]["text"] == "a [page]*"


def test_links_are_left_out_where_they_would_cost_another_message() -> None:
    link = Link("a page", "https://a.b/" + "x" * 1000)
    almost_full = Line((Words("w" * 4000), Words(" "), link))
    assert len(render(Card(title="x", body=(almost_full,)))) == 1
    full = Line((Words("w" * 5000), Words(" "), link))
    assert "](https" in "".join(m.embed["description"] for m in render(Card(title="x", body=(full,))))


def test_members_and_roles_are_named_by_discord_and_what_is_no_id_by_its_words() -> None:
    spans = (Mention("discord:1/@23", "a"), Words(" "), Mention("discord:1/@&45", "b"), Words(" "), Mention("x", "*y*"))
    assert description(Line(spans)) == r"<@23> <@&45> \@\*y\*"


@pytest.mark.parametrize("id_", ["1) **a** (", "x", "", "1" * 5000])
def test_what_is_no_id_of_discords_becomes_neither_link_nor_mention(id_: str) -> None:
    spans = (Jump(CHANNEL, None, id_), Words(" "), Channel(f"discord:1/{id_}"))
    messages = render(Card(title="x", body=(Line(spans),)))
    assert [problem for message in messages for problem in problems(message)] == []
    pages = [message.embed["description"] for message in messages]
    assert {kind for page in pages for kind in kinds_of(read(page))} == set()


# --- markup of the bank ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "seen"),
    [
        ("plain", [("plain", ())]),
        ("a **b** c", [("a ", ()), ("b", ("strong",)), (" c", ())]),
        ("**Unit and layer.** One", [("Unit and layer.", ("strong",)), (" One", ())]),
        ("**bold**text", [("bold", ("strong",)), ("text", ())]),
        ("*a*", [("a", ("leaning",))]),
        ("(*a*, **b**)", [("(", ()), ("a", ("leaning",)), (", ", ()), ("b", ("strong",)), (")", ())]),
        ("**a `x*y` b**", [("a", ("strong",)), (" ", ()), ("x*y", ("code",)), (" ", ()), ("b", ("strong",))]),
        ("**a *b* c**", [("a b c", ("strong",))]),
        ("*a `b`*", [("a", ("leaning",)), (" ", ()), ("b", ("code",))]),
        ("`a * b_c <@1> ||`", [("a * b_c <@1> ||", ("code",))]),
        ("``a`b``", [("a`b", ("code",))]),
        ("`` `a` ``", [("`a`", ("code",))]),
        ("`**a**`", [("**a**", ("code",))]),
        ("`a``b`", [("a``b", ("code",))]),
        ("2 * 3 * 4", [("2 * 3 * 4", ())]),
        ("a*b*c", [("a*b*c", ())]),
        ("*a*b and a*b*", [("*a*b and a*b*", ())]),
        ("x**y**z", [("x**y**z", ())]),
        ("x_1 and x_2", [("x_1 and x_2", ())]),
        ("_a_ __b__ ~~c~~ ||d||", [("_a_ __b__ ~~c~~ ||d||", ())]),
        ("**kwargs and *args", [("**kwargs and *args", ())]),
        ("***a***", [("***a***", ())]),
        ("**a***b*", [("**a***b*", ())]),
        ("a ** b", [("a ** b", ())]),
        ("**a", [("**a", ())]),
        ("`a", [("`a", ())]),
        ("\\theta \\* a", [("\\theta \\* a", ())]),
        ("- an item", [("• ", ("item",)), ("an item", ())]),
        ("- - an item", [("• ", ("item",)), ("- an item", ())]),
        ("-1 is no item", [("-1 is no item", ())]),
        ("# a", [("# a", ())]),
        ("> a", [("> a", ())]),
        ("1. a", [("1. a", ())]),
        ("a\n> b\n# c\n-# d", [("a\n> b\n# c\n-# d", ())]),
        ("@everyone <@1> <t:1> :fire:", [("@everyone <@1> <t:1> :fire:", ())]),
        ("[a](http://b.c)", [("[a](http://b.c)", ())]),
        ("a `\nb `", [("a `\nb `", ())]),
        ("a\n\n\nb\n", [("a\n\nb", ())]),
        ("```x```", [("x", ("code",))]),
        ("```\n```", []),
        ("a\n```\n\nb", [("a\n", ()), ("b", ("block",))]),
        ("```c++\nb\n```", [("b", ("block c++",))]),
    ],
)
def test_the_markup_of_an_answer_is_shown_and_everything_else_as_typed(markdown: str, seen: list[Seen]) -> None:
    assert shown(Prose(markdown)) == seen


def test_a_program_in_an_answer_is_shown_as_it_is() -> None:
    source = "x = a * b * c  # <@1>\n\n- no **item**"
    assert shown(Prose(f"So:\n```python\n{source}\n```\nDone.")) == [
        ("So:\n", ()),
        (source, ("block python",)),
        ("\nDone.", ()),
    ]


def test_a_program_keeps_its_lines_and_its_language() -> None:
    assert description(Snippet("def f(x):\n\treturn **x**\n", "python")) == (
        "```python\ndef f(x):\n\treturn **x**\n```"
    )


@pytest.mark.parametrize("lang", ["", "py thon", "`", "a\nb", "日本"])
def test_a_language_that_discord_does_not_know_how_to_read_is_left_out(lang: str) -> None:
    assert shown(Snippet("python", lang)) == [("python", ("block",))]


@given(st.text("`ab\n ", min_size=1).filter(str.strip), st.sampled_from(["python", ""]))
def test_no_program_breaks_out_of_its_block(source: str, lang: str) -> None:
    ((text, kinds),) = shown(Snippet(source, lang))
    assert kinds == (f"block {lang}".strip(),)
    assert text.replace("\u200b", "").split() == source.split()


def test_what_comes_after_a_list_is_not_taken_into_it() -> None:
    assert "\n " not in description(Line((Words("an item"),), bullet=True), Line((Words(" a line"),)))


def test_headings_and_paragraphs_are_set_off() -> None:
    strong = Line((Words("Heading", strong=True),))
    item = Line((Words("item"),), bullet=True)
    assert description(strong, item, Prose("one\n\ntwo"), strong, item) == (
        "**Heading**\n- item\n\none\n\ntwo\n\n**Heading**\n- item"
    )


def test_a_program_needs_no_empty_line_after_it() -> None:
    assert description(Snippet("x", ""), Prose("a"), Snippet("y", "")) == "```\nx\n```\na\n```\ny\n```"


def test_the_spaces_around_strong_words_stand_outside_of_the_marks() -> None:
    assert description(Line((Words("Read on: ", strong=True), Words("a book")))) == "**Read on:** a book"
    assert description(Line((Words("a"), Words(" ", strong=True), Words("b")))) == "a b"


# --- boards ---------------------------------------------------------------------------------------------------


def test_a_board_stands_in_columns_and_marks_the_readers_own_row() -> None:
    rows = (
        Row("1.", "Ada", "12 points", "4 rounds"),
        Row("2.", "Grace Hopper", "3 points", "1 round", own=True),
        Row("10.", "損失関数", "1 point", "1 round, 3 in a row"),
    )
    assert description(Board(rows)).split("\n") == [
        "` 1.  12 points` Ada · 4 rounds",
        "` 2.   3 points` **Grace Hopper** · 1 round · you",
        "`10.    1 point` 損失関数 · 1 round, 3 in a row",
    ]


def test_a_name_from_right_to_left_does_not_take_the_figures_after_it_along() -> None:
    assert description(Board((Row("1.", "شمس 7", "3 points", "1 round"),))) == (
        "`1.  3 points` \u2068شمس 7\u2069 · 1 round"
    )


def test_a_backtick_among_the_figures_of_a_board_is_shown_as_typed() -> None:
    for rank, points in (("`1", "3 points"), ("1.", "3 points`"), ("1 ` ``.", "3 points")):
        assert shown(Board((Row(rank, "Ada", points, "1 round"),))) == [(f"{rank}  {points} Ada · 1 round", ())]


def test_an_empty_board_says_what_there_is_to_say() -> None:
    assert description(Board((), empty="No points yet.")) == "No points yet."
    assert description(Board(())) == ""


# --- colours --------------------------------------------------------------------------------------------------


def brightness(colour: int) -> float:
    """Relative luminance, as WCAG 2 has it."""
    parts = [(colour >> shift & 255) / 255 for shift in (16, 8, 0)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ground", [0xFFFFFF, 0xF2F3F5, 0x2B2D31, 0x313338, 0x1E1F22])
@pytest.mark.parametrize("tone", Tone)
def test_every_state_has_a_colour_that_is_seen_on_light_and_on_dark(tone: Tone, ground: int) -> None:
    darker, lighter = sorted((brightness(COLOURS[tone]), brightness(ground)))
    assert (lighter + 0.05) / (darker + 0.05) >= 3
    assert len(set(COLOURS.values())) == len(Tone)


# --- parts ----------------------------------------------------------------------------------------------------


def pages_of(*blocks: Block) -> list[str]:
    """The descriptions of a card of these blocks."""
    messages = render(Card(title="A title", body=blocks))
    assert [problem for message in messages for problem in problems(message)] == []
    return [message.embed["description"] for message in messages]


def test_title_comes_first_footer_and_buttons_last_and_the_reference_on_every_part() -> None:
    card = Card(
        title="A title",
        body=(Prose("word " * 2500),),
        buttons=(Button(Press.ANSWER, "Answer", "x"),),
        footer=(Words("small print"),),
        tone=Tone.OPEN,
    )
    messages = render(card, reference="7K3F2A")
    assert [message.embed.get("title") for message in messages] == ["A title", None, None, None]
    assert [message.embed["footer"]["text"] for message in messages] == [
        *["ref 7K3F2A"] * 3,
        "small print · ref 7K3F2A",
    ]
    assert [message.buttons for message in messages] == [(), (), (), card.buttons]
    assert {message.embed["color"] for message in messages} == {COLOURS[Tone.OPEN]}


def test_a_card_that_just_fits_is_not_parted() -> None:
    assert pages_of(Line((Words("x" * 4096),))) == ["x" * 4096]
    assert pages_of(Line((Words("x" * 4097),))) == ["x" * 4096, "x"]
    assert pages_of(Line((Words("🧠" * 2048),))) == ["🧠" * 2048]
    assert len(pages_of(Line((Words("🧠" * 2049),)))) == 2


def test_a_card_is_parted_between_paragraphs_if_it_can_be() -> None:
    one, two = ("\n".join([f"{name} {number}" + " x" * 20 for number in range(60)]) for name in ("one", "two"))
    assert pages_of(Prose(f"{one}\n\n{two}")) == [one, two]


def test_else_it_is_parted_between_lines() -> None:
    rows = [f"row {number}" + " x" * 60 for number in range(100)]
    pages = pages_of(*(Line((Words(row),)) for row in rows))
    assert [row for page in pages for row in page.split("\n")] == rows
    assert len(pages) == 4


def test_else_it_is_parted_between_words() -> None:
    words = [f"word-{number}" for number in range(2000)]
    pages = pages_of(Line((Words(" ".join(words)),)))
    assert [word for page in pages for word in page.split()] == words


def test_a_heading_is_not_left_behind_at_the_end_of_a_part() -> None:
    heading = Line((Words("Heading", strong=True),))
    first, second = pages_of(Line((Words("x" * 4000),)), heading, Prose("y " * 200))
    assert first == "x" * 4000
    assert second.startswith("**Heading**")


def test_a_message_is_not_left_nearly_empty_to_keep_the_next_paragraph_whole() -> None:
    first, _ = pages_of(Prose("short\n\n" + "\n".join([*["x" * 99] * 40, "x" * 90])))
    assert len(first) > 3900


def test_a_few_words_are_not_parted_from_their_line_to_fill_a_message() -> None:
    first, *_ = pages_of(Line((Words("x" * 4000),)), Line((Words("word " * 1000),)))
    assert first == "x" * 4000


def test_an_empty_line_alone_makes_no_message() -> None:
    assert pages_of(Line((Words("x" * 4096),)), Line(())) == ["x" * 4096]


@pytest.mark.parametrize("signs", ["👩\u200d💻", "e\u0301\u0323", "👍🏽"])
def test_signs_that_are_seen_as_one_are_not_parted(signs: str) -> None:
    for before in ("", "x", "xy"):
        pages = pages_of(Line((Words(before + signs * 3000),)))
        assert [page.removeprefix(before).replace(signs, "") for page in pages] == [""] * len(pages)


def test_a_program_is_parted_between_lines_and_fenced_anew_in_its_language() -> None:
    source = "\n".join(f"x_{number} = {number}  # ```" for number in range(500))
    pages = pages_of(Prose("So:"), Snippet(source, "python"), Prose("Done."))
    blocks = [text for page in pages for text, kinds in merged(read(page)) if kinds == ("block python",)]
    assert len(blocks) == len(pages) > 2
    assert "\n".join(blocks).replace("\u200b", "") == source


def test_strong_words_stay_strong_on_both_sides_of_a_border() -> None:
    pages = pages_of(Line((Words("strong * " * 800, strong=True),)))
    assert len(pages) > 1
    assert {kinds for page in pages for text, kinds in read(page) if text.strip()} == {("strong",)}


def test_an_instant_is_never_cut() -> None:
    pages = pages_of(Line(tuple(When(NOW) for _ in range(1000))))
    assert [page.replace("<t:1795338000:f>", "") for page in pages] == [""] * len(pages)


def test_a_title_that_is_too_long_goes_on_below() -> None:
    (message,) = render(Card(title="long *title* " * 30, body=(Line((Words("body"),)),)))
    assert problems(message) == []
    title, text = read(message.embed["title"], title=True), read(message.embed["description"])
    assert f"{text_of(title)} {text_of(text)}".split() == [*["long", "*title*"] * 30, "body"]
    assert kinds_of(text) == {"strong"}


def test_a_footer_that_is_too_long_stands_at_the_end_of_the_card() -> None:
    (message,) = render(Card(title="x", body=(Line((Words("body"),)),), footer=(Words("small *print* " * 200),)))
    assert problems(message) == []
    assert text_of(read(message.embed["description"])).split() == ["body", *["small", "*print*"] * 200]


@pytest.mark.parametrize("length", [1600, 1635, 1636, 1648, 1649, 2048, 2049, 4000])
def test_no_footer_takes_a_full_message_over_the_limit_of_all_fields_together(length: int) -> None:
    messages = render(
        Card(title="t" * 256, body=(Line((Words("x" * 4096),)),), footer=(Words("f" * length),)), reference="7K3F2A"
    )
    assert [problem for message in messages for problem in problems(message)] == []
    assert len(messages) == (1 if length <= 1635 else 2)


def test_a_label_that_is_too_long_for_a_button_is_cut() -> None:
    (message,) = render(Card(title="x", buttons=(Button(Press.ANSWER, "press here " * 10, "x"),)))
    assert problems(message) == []
    assert message.buttons[0].label.endswith("press here…")
    assert render(Card(title="x", buttons=(Button(Press.ANSWER, "y" * 80, "x"),)))[0].buttons[0].label == "y" * 80
    assert render(Card(title="x", buttons=(Button(Press.ANSWER, "y" * 81, "x"),)))[0].buttons[0].label == "y" * 79 + "…"


@pytest.mark.parametrize("count", [25, 26, 50, 51])
def test_buttons_that_do_not_fit_below_one_message_go_on_below_the_next(count: int) -> None:
    buttons = tuple(Button(Press.OBJECT, f"{number}.", f"{number}") for number in range(count))
    for body in ((), (Prose("word " * 2500),)):
        messages = render(Card(title="x", body=body, buttons=buttons), reference="7K3F2A")
        assert [problem for message in messages for problem in problems(message)] == []
        assert tuple(button for message in messages for button in message.buttons) == buttons
        assert len(messages) == len(render(Card(title="x", body=body))) + (count - 1) // 25
        assert {message.embed["description"] for message in messages[-((count - 1) // 25) :] if count > 25} <= {"…"}


@pytest.mark.parametrize("title", ["", " ", "\n\t"])
def test_a_card_that_says_nothing_can_be_sent_all_the_same(title: str) -> None:
    for body in ((), (Line(()),), (Prose("\n"),), (Snippet("\n", "python"),), (Board(()),)):
        (message,) = render(Card(title=title, body=body, footer=(Words(" "),)))
        assert problems(message) == []


SCRIPTS: Final = st.text(
    st.characters() | st.sampled_from("*_~|`<@[:/.>#-1\\ \ud800\u200d\u0301\u202e🧠損ش"), max_size=20
)
WORDS: Final = st.builds(lambda text, times: text * times, SCRIPTS, st.sampled_from([1, 2, 30, 600]))
SPANS: Final = st.lists(
    st.builds(Words, WORDS, st.booleans()) | st.just(When(NOW)) | st.just(Channel(CHANNEL)), max_size=4
).map(tuple)
MARKED: Final = st.lists(
    st.sampled_from(
        [
            ("**strong words**", "strong words"),
            ("*leaning words*", "leaning words"),
            ("`co*de_`", "co*de_"),
            ("a*b*c", "a*b*c"),
            ("x_1 || <@1> @here :fire:", "x_1 || <@1> @here :fire:"),
            ("https://example.com/a_b", "https://example.com/a_b"),
            ("\n- item", "\n• item"),
            ("\n> # no heading", "\n> # no heading"),
            ("\n\nparagraph", "\n\nparagraph"),
            ("\n```python\nx = **y**\n\n  z\n```\n", "\nx = **y**\n\n  z\n"),
            ("損失関数", "損失関数"),
            ("word " * 1000, "word " * 1000),
            ("w" * 4000, "w" * 4000),
        ]
    ),
    max_size=12,
)


def plain(block: Block) -> str:
    """What a block of the strategies says; white space does not count."""
    match block:
        case Line():
            spans = {When: "<t:1795338000:f>", Channel: "<#127121515262115840>"}
            said = "".join(span.text if isinstance(span, Words) else spans[type(span)] for span in block.spans)
            said = clean(said)
            return f"•{said}" if block.bullet and said.strip() else said
        case Snippet():
            return clean(block.source)
        case Board():
            return clean("".join(f"{row.rank}{row.points}{row.name}·{row.rest}" for row in block.rows)) or block.empty
        case Prose():
            raise NotImplementedError


BLOCKS: Final = st.one_of(
    st.builds(Line, SPANS, st.booleans()).map(lambda block: (block, plain(block))),
    st.builds(Snippet, WORDS, st.just("python")).map(lambda block: (block, plain(block))),
    st.builds(Row, st.just("1."), SCRIPTS, st.just("3 points"), st.just("1 round")).map(
        lambda row: (Board((row,)), plain(Board((row,))))
    ),
    MARKED.map(lambda said: (Prose(" ".join(m for m, _ in said)), " ".join(p for _, p in said))),
)


@given(WORDS, st.lists(BLOCKS, max_size=6), WORDS)
@settings(max_examples=60, deadline=None)
def test_the_parts_of_any_card_keep_to_the_limits_and_say_together_what_it_says(
    title: str, body: list[tuple[Block, str]], footer: str
) -> None:
    card = Card(title=title, body=tuple(block for block, _ in body), footer=(Words(footer),))
    messages = render(card, reference="7K3F2A")
    assert [problem for message in messages for problem in problems(message)] == []
    assert [message.embed["footer"]["text"].endswith("ref 7K3F2A") for message in messages] == [True] * len(messages)
    assert len(render(card)) == len(messages)
    seen = read(messages[0].embed.get("title", ""), title=True)
    for message in messages:
        seen += read(message.embed.get("description", ""))
    small = messages[-1].embed["footer"]["text"].removesuffix("ref 7K3F2A").removesuffix(" · ")
    said = "".join([clean(title), *(words for _, words in body), clean(footer)])
    assert bare(text_of(seen) + small) == bare(said)
    assert kinds_of(seen) <= {"strong", "leaning", "code", "item", "block python", "time", "mention"}


def bare(text: str) -> str:
    """A text without white space, and without the unseen signs of the renderer's own."""
    return "".join(text.translate({0x200B: None, 0x2068: None, 0x2069: None}).split())
