"""The group on Slack: pictures and files, shared answers, reminders and what is replied to them.

Everything is real but Slack itself and what a picture looks like: the assembled program speaks to the loopback server
of `tests/wire` over real sockets.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.adapters.slack.ids import member_id
from bot.adapters.slack.needs import COMMAND, HERE
from bot.core.model import Naming, Share
from tests.adapters.slack.study import FULL, OTHER, Study, marked
from tests.adapters.slack.workspace import Workspace, alone, asked, modal, noted, workspace
from tests.wire.slack_server import Delivery, Member, Message

PNG = b"\x89PNG\r\n\x1a\n and so on"
BY_FORM = "by form I say that weights move against the gradient"
AT_ALL, NAMELESS, NAMED = "Not at all", "Without my name", "With my name"


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Workspace]:
    async with workspace(tmp_path) as study:
        study.png = PNG
        yield study
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


async def fills_in(study: Workspace, who: Member, card: Message, text: str, share: str = AT_ALL) -> Message | None:
    """Somebody answers by form."""
    form = modal(await who.press(card, "Answer"))
    seen = await who.submit(form, {"Your answer": text, "Share it at the reveal?": share})
    assert "ecorded" in alone(seen, who) or "evised" in alone(seen, who)
    return seen.reply


async def shared(study: Workspace, answers: Sequence[tuple[Member, str, str]]) -> Message:
    """The card of a revealed round with these answers by form."""
    card = await study.opened()
    for who, text, share in answers:
        await fills_in(study, who, card, text, share)
    await study.revealed()
    await study.until(lambda: "Answers" in card.labels)
    return card


async def private(study: Workspace, who: Member) -> list[Message]:
    """What somebody was told in private so far, once nothing is on its way any more."""
    await study.handled()
    return who.ephemerals


# --- pictures ---------------------------------------------------------------------------------------------------


async def scored(study: Workspace) -> Message:
    """The card of a revealed round in which bob has made points, in public."""
    card = await study.opened()
    said = await study.bob.say(study.channel, FULL, thread=card)
    await study.until(lambda: marked(study, said))
    await study.revealed()
    await study.until(lambda: "Answers" in card.labels)
    return card


async def test_a_board_that_is_shared_stands_in_the_channel_with_its_picture(study: Workspace) -> None:
    async with study.running():
        await scored(study)
        board = await noted(study.bob.command(COMMAND, "leaderboard", study.channel))
        assert board.labels == ["Share the top ten here"]
        assert "on its way" in (await noted(study.bob.press(board, "Share the top ten here"))).words
        await study.until(lambda: study.channel.messages[-1].pictures)
        posted = study.channel.messages[-1]
        assert "1. bob" in posted.pictures[0]
        assert "1. bob" in posted.words
        [file] = study.server.world.files.values()
        assert file["data"] == PNG
        assert "less than an hour ago" in (await noted(study.bob.press(board, "Share the top ten here"))).words
        assert board.labels == ["Share the top ten here"]


async def test_ones_own_picture_follows_the_words_that_say_the_same_for_its_reader_alone(study: Workspace) -> None:
    async with study.running():
        card = await scored(study)
        for thread in (None, card):
            before = len(await private(study, study.bob))
            if thread is None:
                await study.bob.command(COMMAND, "me", study.channel)
            else:
                await study.bob.mention_bot(study.channel, "me", thread=thread)
                await study.until(lambda: len(study.bob.ephemerals) > before)  # noqa: B023 - waited for right here
            told, picture = (await private(study, study.bob))[before:]
            assert "You, bob" in told.words
            assert told.pictures == []
            assert "Points in the weeks of" in picture.pictures[0]
            assert picture.thread_ts == (thread.ts if thread is not None else None)
        assert len(study.server.world.files) == 1
        assert not any(message.pictures for message in study.channel.by_ts.values())


async def test_a_form_shows_a_picture_once_it_is_there(study: Workspace) -> None:
    async with study.running():
        card = await scored(study)
        study.server.world.looked_through_after = 2
        offer = modal(await study.bob.shortcut(card, HERE))
        shown = modal(await study.bob.press(offer, "Me"))
        await study.handled()
        assert "You, bob" in shown.title
        assert "Points in the weeks of" in shown.pictures[0]
        assert study.bob.ephemerals == []


async def test_an_app_installed_without_files_write_does_all_but_pictures_and_files(
    study: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    study.team.take_away("files:write")
    async with study.running():
        await scored(study)
        board = await noted(study.bob.command(COMMAND, "leaderboard", study.channel))
        await study.bob.press(board, "Share the top ten here")
        await study.until(lambda: "Leaderboard" in study.channel.messages[-1].words)
        told = await noted(study.bob.command(COMMAND, "me", study.channel))
        assert "You, bob" in told.words
        assert await private(study, study.bob) == study.bob.ephemerals
        export = await noted(study.bob.command(COMMAND, "me export", study.channel))
        assert "without the scope files:write" in export.words
        assert study.bob.dm.messages == []
    assert sum("without the scope files:write" in record.getMessage() for record in caplog.records) == 1


# --- files ------------------------------------------------------------------------------------------------------


async def test_what_is_kept_about_somebody_is_handed_over_in_their_direct_messages(study: Workspace) -> None:
    async with study.running():
        await scored(study)
        public = len(study.channel.by_ts)
        await study.bob.command(COMMAND, "me export", study.channel)
        [told] = await private(study, study.bob)
        assert "The files are in your direct messages with me" in told.words
        [message] = study.bob.dm.messages
        files = {one["name"]: study.server.world.files[one["id"]]["data"] for one in message.files}
        assert list(files) == ["my-data.json", "my-answers.csv"]
        assert FULL in json.dumps(json.loads(files["my-data.json"]))
        assert FULL in files["my-answers.csv"].decode()
        assert len(study.channel.by_ts) == public


@pytest.mark.parametrize("step", ["conversations.open", "files.getUploadURLExternal", "upload"])
async def test_files_that_slack_does_not_take_cost_a_sentence(study: Workspace, step: str) -> None:
    async with study.running():
        await study.set_up()
        study.server.faults.fail(step)
        told = await noted(study.bob.command(COMMAND, "me export", study.channel))
        assert "Slack did not take the files" in told.words


# --- shared answers ---------------------------------------------------------------------------------------------


async def test_an_answer_is_shared_as_its_author_says_and_with_nobody_before_the_reveal(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        assert form.fields == ["Your answer", "Share it at the reveal?"]
        await study.bob.submit(form, {"Your answer": BY_FORM})
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert answer.share is Share.NO
        await fills_in(study, study.bob, card, BY_FORM, NAMED)
        form = modal(await study.bob.press(card, "Answer"))
        [field] = [block for block in form.blocks if block.get("block_id") == "share"]
        assert field["element"]["initial_option"]["text"]["text"] == NAMED
        await study.bob.submit(form, {"Your answer": OTHER})
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert (answer.text, answer.share) == (OTHER, Share.WITH_NAME)
        await fills_in(study, study.ada, card, BY_FORM, NAMELESS)
        early = await asked(study.forged(study.bob, "answers", (await study.round()).id, card), study.bob)
        assert "once the round is revealed" in early
        await study.revealed()
        await study.until(lambda: "Answers" in card.labels)
        cleo = study.team.user("cleo")
        told = await noted(cleo.press(card, "Answers"))
        assert told.seen_by is cleo
        assert f"bob: {OTHER}" in told.words
        assert BY_FORM in told.words
        assert "ada" not in told.words


async def test_a_form_of_an_older_program_shares_nothing(study: Workspace) -> None:
    async with study.running():
        await study.opened()
        await study.sends(study.bob, "answer", (await study.round()).id, {"text": BY_FORM})
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert (answer.text, answer.share) == (BY_FORM, Share.NO)


async def test_more_answers_follow_in_place_and_what_is_said_of_one_stands_beside_them(study: Workspace) -> None:
    async with study.running():
        authors = [study.team.user(f"author-{number}") for number in range(5)]
        card = await shared(study, [(who, f"{who.name} says {BY_FORM}", NAMELESS) for who in authors])
        chain = await noted(study.ada.press(card, "Answers"))
        assert [label for label in chain.labels if label.endswith(" 1") or label[0] == "1"] == [
            "1 helped me",
            "Report 1",
            "Remove 1",
        ]
        actions = [
            one["action_id"] for block in chain.blocks for one in block.get("elements", ()) if "action_id" in one
        ]
        assert len(actions) == len(set(actions)) == 13
        first = chain.words
        for label, says in (("1 helped me", "Noted"), ("Report 1", "Reported"), ("Remove 1", "Removed")):
            beside = await noted(study.ada.press(chain, label))
            assert beside is not chain
            assert beside.seen_by is study.ada
            assert says in beside.words
            assert chain.words == first
        again = await noted(study.ada.press(chain, "2 helped me"))
        assert "Noted" in again.words
        before = len(await private(study, study.ada))
        await study.ada.press(chain, "More")
        assert len(await private(study, study.ada)) == before
        assert chain.words != first
        kept = [
            await study.program.bot.own_answer((await study.round()).id, member_id(study.team.id, a.id))
            for a in authors
        ]
        assert [answer.removed for answer in kept if answer is not None].count(True) == 1


async def test_in_a_window_what_is_said_of_an_answer_stands_above_it(study: Workspace) -> None:
    async with study.running():
        card = await shared(study, [(study.ada, BY_FORM, NAMED)])
        offer = modal(await study.bob.shortcut(card, HERE))
        window = modal(await study.forged(study.bob, "answers", (await study.round()).id, card, view=offer))
        assert window is offer
        assert BY_FORM in window.words
        for label, says in (("1 helped me", "thanks whoever helped most"), ("Report 1", "organizers find it")):
            await study.bob.press(window, label)
            assert says in window.words
            assert window.words.index(says) < window.words.index(BY_FORM)
            assert study.bob.modals == [window]
        assert window.labels == ["1 helped me", "Report 1"]


# --- how one is shown, and forgotten ----------------------------------------------------------------------------


async def test_who_answers_by_form_for_the_first_time_says_in_the_same_place_how_boards_show_them(
    study: Workspace,
) -> None:
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        receipt = modal(await study.bob.submit(form, {"Your answer": BY_FORM}))
        assert "Should boards show you?" in receipt.words
        await study.bob.press(receipt, "Not at all")
        assert study.bob.modals == [receipt]
        assert "Boards leave you out" in receipt.words
        chain = await noted(study.bob.command(COMMAND, "me hide", study.channel))
        await study.bob.press(chain, "As someone")
        assert "as “someone”" in chain.words
        assert len(await private(study, study.bob)) == 1
        known = await study.program.bot.member(member_id(study.team.id, study.bob.id))
        assert known is not None
        assert known.naming is Naming.SOMEONE


async def test_who_wants_to_be_forgotten_confirms_it_in_the_same_message(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        await fills_in(study, study.bob, card, BY_FORM)
        chain = await noted(study.bob.command(COMMAND, "me forget", study.channel))
        assert await study.text_by(study.bob) == BY_FORM
        [label] = chain.labels
        await study.bob.press(chain, label)
        assert "Forgotten" in chain.words
        assert await study.text_by(study.bob) == ""
        assert await private(study, study.bob) == [chain]


# --- reminders, and what is replied to them ---------------------------------------------------------------------


async def reminded(study: Workspace) -> Message:
    """The reminder that bob gets at noon of an open round."""
    await study.set_up()
    told = await study.says(study.bob, "me remind 12:00 UTC")
    assert "At 12:00 (UTC) I write to you" in told
    await study.at("10:00")
    await study.until(lambda: study.card)
    assert study.bob.dm.messages == []
    await study.at("12:00")
    await study.until(lambda: study.bob.dm.messages)
    [message] = study.bob.dm.messages
    await study.handled()
    return message


def direct(who: Member) -> list[str]:
    """What the bot has said to somebody in their direct messages."""
    return [message.words for message in who.dm.by_ts.values() if message.by_app]


async def test_a_reply_to_a_reminder_is_an_answer_that_is_revised_and_withdrawn_there(study: Workspace) -> None:
    async with study.running():
        reminder = await reminded(study)
        round_ = await study.round()
        assert round_.question.prompt in reminder.words
        said = await study.bob.say(study.bob.dm, FULL)
        assert await study.text_by(study.bob) == FULL
        receipt = study.bob.dm.messages[-1]
        assert "Recorded" in receipt.words
        assert receipt.labels == ["Check now", "By my name", "As someone", "Not at all"]
        await study.bob.edit(said, OTHER)
        assert await study.text_by(study.bob) == OTHER
        assert "Revised" in direct(study.bob)[-1]
        said.unfold()
        await study.handled()
        assert len(direct(study.bob)) == 3  # A link that unfolds says nothing new.
        await study.bob.delete(said)
        assert await study.text_by(study.bob) == ""
        assert "Withdrawn" in direct(study.bob)[-1]
        assert direct(study.ada) == []
        assert [message.words for message in study.channel.by_ts.values() if FULL in message.words] == []


async def test_a_reply_in_a_thread_of_the_direct_messages_is_answered_there_and_may_be_deleted(
    study: Workspace,
) -> None:
    async with study.running():
        reminder = await reminded(study)
        said = await study.bob.say(study.bob.dm, FULL, thread=reminder)
        assert await study.text_by(study.bob) == FULL
        assert "Recorded" in reminder.replies[-1].words
        assert study.bob.dm.messages == [reminder]
        await study.bob.delete(said)
        assert await study.text_by(study.bob) == ""
        top = await study.bob.say(study.bob.dm, FULL)
        await study.bob.say(study.bob.dm, "one more sentence about that, below", thread=top)
        await study.handled()
        await study.bob.edit(top, OTHER)
        assert await study.text_by(study.bob) == OTHER
        await study.bob.delete(top)  # A message with replies leaves a trace where it was.
        assert await study.text_by(study.bob) == ""


@pytest.mark.parametrize("below", [False, True], ids=["after the reminder", "in its thread"])
async def test_a_reply_while_the_program_is_down_is_read_later_and_answered_once(study: Workspace, below: bool) -> None:
    async with study.running():
        reminder = await reminded(study)
    study.at_once("13:00")
    said = await study.bob.say(study.bob.dm, OTHER, thread=reminder if below else None)
    await study.bob.edit(said, FULL)
    study.at_once("15:00")  # Slack has given up telling of it.
    for _ in range(2):
        async with study.running():
            assert await study.text_by(study.bob) == FULL
            assert ["Recorded" in words for words in direct(study.bob)].count(True) == 1


async def test_an_answer_given_alone_takes_the_mark_off_what_was_said_in_the_thread(study: Workspace) -> None:
    async with study.running():
        await reminded(study)
        card = study.card
        assert card is not None
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        await study.bob.say(study.bob.dm, OTHER)
        assert await study.text_by(study.bob) == OTHER
        assert not marked(study, said)


async def test_the_buttons_of_a_reminder_and_of_what_follows_work_where_they_stand(study: Workspace) -> None:
    async with study.running():
        reminder = await reminded(study)
        form = modal(await study.bob.press(reminder, "Answer"))
        assert "Recorded" in alone(await study.bob.submit(form, {"Your answer": FULL}), study.bob)
        assert await study.text_by(study.bob) == FULL
        await study.bob.say(study.bob.dm, OTHER)
        await study.handled()
        receipt = study.bob.dm.messages[-1]
        named = await noted(study.bob.press(receipt, "By my name"))
        assert "Boards show your name" in named.words
        checked = await noted(study.bob.press(receipt, "Check now"))
        assert "key points" in checked.words
        assert (named.channel, checked.channel) == (study.bob.dm, study.bob.dm)


async def test_what_was_said_in_a_crash_is_taken_and_answered_after_the_restart(study: Workspace) -> None:
    async with Study.running(study, killed=True):  # It does not wait for what is in hand.
        await reminded(study)
        study.slack.people._known.clear()
        held = study.server.faults.hold("users.info", times=9)
        await study.bob.say(study.bob.dm, FULL)
        await held.wait()
        await study.server.until(lambda: not study.server.deliveries.under_way)  # Slack will not send it again.
    held.release()
    async with study.running():
        assert await study.text_by(study.bob) == FULL
        assert ["Recorded" in words for words in direct(study.bob)] == [False, True]


async def test_what_slack_sends_twice_is_answered_once(study: Workspace) -> None:
    async with study.running():
        await reminded(study)
        await study.bob.say(study.bob.dm, FULL)
        await study.handled()
        [sent] = [one for one in study.server.deliveries.all if FULL in json.dumps(one.payload)]
        study.server.deliveries.add(Delivery(sent.kind, sent.payload, sent.team))
        await study.handled()
        assert len(direct(study.bob)) == 2


async def test_an_edit_that_comes_before_what_it_changes_stands(study: Workspace) -> None:
    async with study.running():
        await reminded(study)
        held = study.server.deliveries.hold("message", times=1)
        said = await study.bob.say(study.bob.dm, FULL)
        await study.bob.edit(said, OTHER)
        await study.handled()
        study.server.clock.advance(60)
        held.release()
        assert await study.text_by(study.bob) == OTHER


async def test_who_asked_for_no_reminder_is_told_how_and_talk_that_is_changed_is_left_alone(study: Workspace) -> None:
    async with study.running():
        await study.opened()
        said = await study.bob.say(study.bob.dm, FULL)
        await study.handled()
        [told] = direct(study.bob)
        assert "/nnquestion me remind 08:30 in a channel with a drill" in told
        await study.bob.delete(said)
        await study.bob.say(study.bob.dm, files=["cat.png"])
        await study.handled()
        assert direct(study.bob) == [told]
        assert await study.answer_of(study.bob) is None


async def test_what_bots_say_in_direct_messages_is_no_answer(study: Workspace) -> None:
    async with study.running():
        await reminded(study)
        dm = {"type": "message", "channel": study.bob.dm.id, "channel_type": "im", "text": FULL}
        foreign = {**dm, "ts": "1795341600.000100", "user": "U0BOT", "bot_id": "B0BOT"}
        note = {**dm, "ts": "1795341600.000200", "user": study.bob.id, "subtype": "channel_topic"}
        own = {**dm, "ts": "1795341600.000300", "user": study.team.bot.id}
        for event in (foreign, note, own):
            payload = {"type": "event_callback", "team_id": study.team.id, "event": event}
            study.server.deliveries.add(Delivery("events_api", payload, study.team))
        assert await study.answer_of(study.bob) is None
        assert len(direct(study.bob)) == 1


@pytest.mark.parametrize("trouble", ["user_disabled", "cannot_dm_bot", "messages_tab_disabled"])
async def test_a_member_who_cannot_be_written_to_costs_one_refusal(study: Workspace, trouble: str) -> None:
    async with study.running():
        await study.set_up()
        await study.says(study.bob, "me remind 12:00 UTC")
        await study.at("10:00")
        await study.until(lambda: study.card)
        refused = study.server.faults.refuse("conversations.open", trouble, times=99)
        await study.at("12:00")
        await study.until(lambda: refused.met)
        await study.delivered()
        study.server.clock.advance(60)
        await study.program.turn()
        assert refused.met == 1
        assert (await study.drill()).refused == 0
        assert study.channel.messages == [study.card]
