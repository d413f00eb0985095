"""The chat without a screen: what is completed, and what comes of lines that are piped in."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from bot.adapters.terminal.chat import KEYS, Chat, _Completer
from bot.adapters.terminal.show import Show
from bot.adapters.terminal.terminal import Person
from bot.core import commands
from bot.core.card import Button, Card, File, Picture, Press
from bot.core.model import RoundKind, RoundState, Share
from tests.adapters.terminal.stages import ADA, BOB, HERE, Paper, Stage, staged
from tests.core.worlds import FULL, at, words_of
from tests.factories import MINUTE
from tests.store.files import contents


def chat_in(stage: Stage, folder: Path) -> Chat:
    return Chat(
        terminal=stage.terminal,
        me=ADA,
        clock=stage.clock,
        zone_name="UTC",
        topics=("gradients", "regularisation"),
        questions=("adam", "dropout"),
        history=folder / "history",
        exports=folder / "exports",
        place=HERE,
    )


@pytest.fixture
def chat(stage: Stage, tmp_path: Path) -> Chat:
    return chat_in(stage, tmp_path)


# --- completion ---------------------------------------------------------------------------------------------


def completed(chat: Chat, typed: str) -> list[str]:
    """The lines that a line may be completed to."""
    document = Document(typed)
    return [
        typed[: len(typed) + found.start_position] + found.text
        for found in _Completer(chat).get_completions(document, CompleteEvent())
    ]


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("/ed", ["/edit"]),
        ("/h", ["/hint", "/help"]),
        ("/cov", ["/covered"]),
        ("/sh", ["/share"]),
        ("/share ", ["/share name", "/share anonymous", "/share no"]),
        ("/share a", ["/share anonymous"]),
        ("/share name a", []),
        ("/d", ["/dm", "/delete"]),
        ("/nnquestion revi", ["/nnquestion review"]),
        ("/nnquestion review ", []),
        ("/nnquestion le", ["/nnquestion leaderboard"]),
        ("/nnquestion LE", ["/nnquestion leaderboard"]),
        ("/nnquestion ask g", ["/nnquestion ask gradients"]),
        ("/nnquestion next d", ["/nnquestion next dropout"]),
        ("/nnquestion leaderboard w", ["/nnquestion leaderboard week"]),
        ("/nnquestion leaderboard week h", ["/nnquestion leaderboard week here"]),
        ("/nnquestion setup zo", ["/nnquestion setup zone="]),
        ("/nnquestion setup zone=Europe/Berl", ["/nnquestion setup zone=Europe/Berlin"]),
        ("/nnquestion setup answers=s", ["/nnquestion setup answers=sealed"]),
        ("/nnquestion setup topics=gr", ["/nnquestion setup topics=gradients"]),
        ("/nnquestion me shown=s", ["/nnquestion me shown=someone"]),
        ("/nnquestion help sk", ["/nnquestion help skip"]),
        ("/nnquestion sing x", []),
        ("/nnquestion setup nothing=x", []),
        ("/nothing x", []),
        ("hello", []),
        ("", []),
    ],
)
def test_a_line_is_completed_as_far_as_it_is_known(chat: Chat, typed: str, lines: list[str]) -> None:
    assert completed(chat, typed) == lines


def test_every_key_and_every_command_is_offered(chat: Chat) -> None:
    assert completed(chat, "/") == list(KEYS)
    assert completed(chat, "/nnquestion ") == [f"/nnquestion {name}" for name in commands.BY_NAME]


def test_every_option_of_every_command_can_be_completed_without_an_error(chat: Chat) -> None:
    for command in commands.TABLE:
        offered = completed(chat, f"/nnquestion {command.name} ")
        named = [option.name for option in command.options if option.named]
        assert [name for name in named if f"/nnquestion {command.name} {name}=" not in offered] == []
        for name in named:
            completed(chat, f"/nnquestion {command.name} {name}=")


async def test_only_ones_own_messages_are_offered_the_latest_first(chat: Chat, stage: Stage) -> None:
    mine = [(await stage.terminal.say(ADA, HERE, f"{number}"))[0].id for number in range(3)]
    await stage.terminal.say(BOB, HERE, "not mine")
    await stage.terminal.delete(ADA, mine[1])
    for key in ("/edit", "/delete", "/submit"):
        assert completed(chat, f"{key} ") == [f"{key} {mine[2]}", f"{key} {mine[0]}"]


async def test_an_award_is_offered_to_the_people_in_the_room_but_oneself(chat: Chat, stage: Stage) -> None:
    for who in (BOB, Person("carol"), ADA, BOB):
        await stage.terminal.say(who, HERE, "hello")
    assert completed(chat, "/nnquestion award ") == ["/nnquestion award @bob", "/nnquestion award @carol"]
    assert completed(chat, "/nnquestion award @C") == ["/nnquestion award @carol"]
    assert completed(chat, "/nnquestion award @bob 2 for @") == []


# --- piped input --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sitting:
    """Lines are piped in, and what was printed comes back."""

    stage: Stage
    pipe: Callable[[str], Awaitable[str]]


@pytest_asyncio.fixture
async def sitting(
    stage: Stage, chat: Chat, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Sitting]:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    async def pipe(lines: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        await chat.sit()
        return capsys.readouterr().out

    yield Sitting(stage, pipe)


async def test_lines_that_are_piped_in_are_said_in_the_thread_of_the_open_question(sitting: Sitting) -> None:
    printed = await sitting.pipe(f"{FULL}\n")
    answer = await sitting.stage.answer(ADA)
    assert answer is not None
    assert answer.text == FULL
    assert "✓ recorded" in printed
    assert printed.endswith("Bye. Everything is kept; the next question comes when it is due.\n")


async def test_at_the_start_the_open_question_is_shown(sitting: Sitting) -> None:
    assert "Question of Sunday, 22 November" in await sitting.pipe("")


async def test_nothing_is_read_after_quit(sitting: Sitting) -> None:
    for word in ("/quit", "/exit"):
        await sitting.pipe(f"{word}\n{FULL}\n")
    assert await sitting.stage.answer(ADA) is None


async def test_a_last_line_without_an_end_counts(sitting: Sitting) -> None:
    await sitting.pipe(FULL)
    assert await sitting.stage.answer(ADA) is not None


async def test_a_piped_answer_can_be_edited_deleted_and_given_anew_by_form(sitting: Sitting) -> None:
    printed = await sitting.pipe(f"{FULL}\n")
    assert "[2]" in printed
    sitting.stage.now = at("09:01")
    assert "✓ revised" in await sitting.pipe("/edit 2 a shorter answer, in my own words\n")
    sitting.stage.now = at("09:02")
    assert "✗ withdrawn" in await sitting.pipe("/delete 2\n")
    sitting.stage.now = at("09:03")
    assert "Recorded." in await sitting.pipe("/answer by form this time\n")
    answer = await sitting.stage.answer(ADA)
    assert answer is not None
    assert answer.text == "by form this time"


async def test_what_is_said_in_the_channel_can_be_submitted(sitting: Sitting) -> None:
    await sitting.pipe(f"/channel {FULL}\n")
    assert await sitting.stage.answer(ADA) is None
    printed = await sitting.pipe("/submit 2\n/1\n")
    assert "┆ Recorded." in printed
    assert "[/1 Check now]" in printed
    answer = await sitting.stage.answer(ADA)
    assert answer is not None
    assert answer.final


async def test_the_buttons_of_the_last_private_reply_that_had_any_can_be_pressed(sitting: Sitting) -> None:
    lines = ("/press 1", f"/answer {FULL}", "/nnquestion when", "/press 7", "/press x", "/press 1", "/press")
    printed = await sitting.pipe("\n".join(lines))
    assert "No private reply has had a button yet" in printed
    assert "There is no button 7; the last private reply has /1, /2, /3, /4." in printed
    assert "There is no button x;" in printed
    assert printed.count("Your answer is final now.") == 1
    assert "/press NUMBER, or only /NUMBER" in printed


async def test_one_objects_by_numbers_and_an_organizer_rules_by_numbers(sitting: Sitting, stage: Stage) -> None:
    stage.grader.missed = ("random", "inference")
    await stage.terminal.say(ADA, await stage.thread(), "an honest try, though quite wrong. It drops units.")
    await stage.terminal.say(BOB, await stage.thread(), FULL)
    await stage.turn(at("09:00", 1))
    printed = await sitting.pipe("/covered\n/1\n/2\n")
    assert "[/1 Units are set to zero at random] [/2 At inference nothing is dropped]" in printed
    assert "you say it with “It drops units.”" in " ".join(printed.replace("┆", "").split())
    round_ = await stage.round()
    choices = await stage.terminal.press(BOB, HERE, Press.OBJECT, f"0.0 {round_.id}", id="bob objects")
    assert choices.title == "Your objection is filed"
    printed = await sitting.pipe("/nnquestion review\n/1\n/1\n/1\n/4\n")
    assert "[/1 It is in there] [/2 It is not] [/3 Back]" in printed
    assert "Granted. The key point counts." in printed
    assert "1 thing of your own" in printed
    told = await stage.terminal.press(BOB, HERE, Press.RESULT, round_.id, id="bob looks")
    assert "Your objection was granted" in words_of(told)


async def test_forms_are_shared_as_one_says_from_then_on_and_not_before(sitting: Sitting) -> None:
    shares = []
    for lines in (
        "/answer a first try of mine",
        "/share name\n/answer a second try of mine",
        "/answer a third of mine",
    ):
        sitting.stage.now += MINUTE
        await sitting.pipe(f"{lines}\n")
        answer = await sitting.stage.answer(ADA)
        assert answer is not None
        shares.append(answer.share)
    assert shares == [Share.NO, Share.WITH_NAME, Share.WITH_NAME]


async def test_how_forms_are_shared_can_be_asked_and_a_slip_is_told(sitting: Sitting) -> None:
    printed = await sitting.pipe("/share\n/share anonymous\n/share\n/share anonymus\n/share\n")
    assert [row for row in printed.splitlines() if row.startswith("The forms you send")] == [
        "The forms you send are not shared. /share name, anonymous or no changes that.",
        "The forms you send are shared after the reveal, without your name.",
        "The forms you send are shared after the reveal, without your name. /share name, anonymous or no",
        "The forms you send are shared after the reveal, without your name. /share name, anonymous or no",
    ]
    assert "Did you mean “anonymous”?" in printed


async def test_a_reminder_is_shown_and_answered_alone_and_nobody_else_sees_it(sitting: Sitting, stage: Stage) -> None:
    for who in (ADA, BOB):
        await stage.terminal.command(who, HERE, "me remind 10:00", id=f"{who.name} asks")
    await stage.turn(at("10:00"))
    printed = await sitting.pipe(f"/dm {FULL}\n/dm\n")
    assert "┆ 10:00  nnquestion to ada alone" in printed
    assert "┆ 10:00  ada to nnquestion alone" in printed
    assert "┆ Recorded." in printed
    assert "to bob alone" not in printed
    assert "/dm TEXT: say something to nnquestion alone" in printed
    assert await stage.answer(ADA) is not None


async def test_a_file_that_one_is_handed_is_saved_and_never_over_another(
    sitting: Sitting, chat: Chat, tmp_path: Path
) -> None:
    show = Show("UTC", Paper())
    for text in ("one", "two", "half a sign \ud83d"):
        await chat._private(show, Card(title="Your data", files=(File("answers.csv", text),)))
    assert contents(tmp_path / "exports") == {
        "answers.csv": b"one",
        "answers-2.csv": b"two",
        "answers-3.csv": b"half a sign ?",
    }


async def test_where_a_file_and_a_picture_are_saved_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, pictures=tmp_path / "pictures") as stage:
        paper = Paper()
        picture = Picture("Your week", (), "Monday 3")
        card = Card(title="Your data", files=(File("answers.csv", "one"),), picture=picture)
        await chat_in(stage, tmp_path)._private(Show("UTC", paper), card)
    assert paper.rows[-2:] == [
        f"  ┆ picture saved as {tmp_path / 'pictures' / 'your-week.png'}",
        f"saved as {tmp_path / 'exports' / 'answers.csv'}",
    ]


async def test_a_file_that_cannot_be_saved_is_told_of(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("in the way")
    paper = Paper()
    await chat._private(Show("UTC", paper), Card(title="Your data", files=(File("answers.csv", "one"),)))
    assert "answers.csv cannot be saved" in " ".join(paper.getvalue().split())


async def test_a_button_that_opens_a_form_says_what_to_type(sitting: Sitting, chat: Chat) -> None:
    chat.buttons = {1: Button(Press.ANSWER, "Answer", "x")}
    assert "Say /answer TEXT" in await sitting.pipe("/1\n")


async def test_without_a_result_to_object_to_one_is_told_so(sitting: Sitting) -> None:
    assert "You have no answer in a revealed round" in " ".join((await sitting.pipe("/covered\n")).split())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/help", "/nnquestion"),
        ("/hint", "Think of an ensemble."),
        ("/result", "You have no answer in a revealed round"),
        ("/nnquestion", "/nnquestion leaderboard: the board"),
        ("/nnquestion when", "Open now:"),
        ("/answer", "TEXT: send the form"),
        ("/withdraw", "nothing in it"),
        ("/pause", "Did you mean “/nnquestion pause”?"),
        ("/resume", "It is running"),
        ("/try", "An extra question"),
        ("/in 1", "You talk in the thread of [1] now."),
        ("/in 77", "has no thread"),
        ("/nnquestion leaderbord", "Did you mean “leaderboard”?"),
        ("/nnquestion help sing", "There is no command “sing”."),
        ("/nnquestion setup zone=Mars", "no time zone is called"),
        ("/nnquestion ask 'unclosed", "That did not work"),
        ("/hlep", "Did you mean “/help”?"),
        ("/edit", "NUMBER TEXT"),
        ("/edit 1 not mine", "There is no such message of yours"),
        ("/edit x y", "There is no such message of yours"),
        ("/delete 77", "There is no such message of yours"),
        ("/submit 77", "There is no such message of yours"),
        ("/", "/help lists what there is."),
        ("   ", "Bye."),
        ("\x1b[2J", "Bye."),
    ],
)
async def test_every_line_gets_its_answer_and_none_ends_the_sitting(sitting: Sitting, line: str, says: str) -> None:
    printed = " ".join((await sitting.pipe(f"{line}\n/help\n")).replace("┆", "").split())
    assert says.lower() in printed.lower()
    assert "leave; the drill goes on when you come back" in printed


async def test_what_is_piped_is_printed_without_escape_codes(sitting: Sitting) -> None:
    assert "\x1b" not in await sitting.pipe(f"{FULL}\n/nnquestion help\nhello \x1b[31mred\n")


async def test_without_an_open_question_lines_go_to_the_channel(sitting: Sitting) -> None:
    await sitting.pipe("/nnquestion skip open\nhello all of you there\n")
    assert [message.thread for message in sitting.stage.room.all() if message.by == ADA.id] == [None]
    assert (await sitting.stage.round()).state is RoundState.CANCELLED
    assert "There is no open question" in await sitting.pipe(f"/answer {FULL}\n")


async def test_arriving_for_the_first_time_makes_a_drill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    async with staged(tmp_path, drill=False) as stage:
        await chat_in(stage, tmp_path).sit()
        await stage.turn(stage.now)
        assert (await stage.round()).state is RoundState.OPEN
    assert "A drill for you" in capsys.readouterr().out


async def test_after_an_extra_question_one_answers_that_one_and_can_go_back(sitting: Sitting) -> None:
    await sitting.pipe("/nnquestion ask\n")
    await sitting.stage.turn(sitting.stage.now)
    rounds = await sitting.stage.bot.posted_rounds()
    extra = next(round_ for round_ in rounds if round_.kind is RoundKind.EXTRA)
    daily = next(round_ for round_ in rounds if round_.kind is RoundKind.DAILY)
    assert extra.thread is not None
    await sitting.pipe(f"/in {extra.thread.thread}\n{FULL}\n/in 1 {FULL} twice\n")
    for round_, text in ((extra, FULL), (daily, f"{FULL} twice")):
        answer = await sitting.stage.store.read(lambda tx, id=round_.id: tx.answers.get(id, ADA.id))  # type: ignore[misc]
        assert answer is not None
        assert answer.text == text
