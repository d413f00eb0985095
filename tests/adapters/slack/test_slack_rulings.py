"""People in the loop of grading, in a workspace: what is checked, objected to, ruled on, awarded, and who sees it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.slack.ids import member_id
from bot.adapters.slack.needs import COMMAND, SUBMIT
from bot.core.model import Coverage, Exemplar, Objection, Ruling
from tests.adapters.slack.study import marked
from tests.adapters.slack.workspace import Workspace, alone, asked, modal, noted, workspace
from tests.wire.slack_server import Member, Message, View

ZEROING: Final = "Dropout randomly sets activations to zero during training so units can't co-adapt."
UNHEARD: Final = "Once it predicts for real nobody is sent home. Reach for it whenever the gap yawns."
"""Two sentences that say key points of the question in words that the grader does not know."""

ANSWER: Final = f"{ZEROING} {UNHEARD}"


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Workspace]:
    async with workspace(tmp_path) as study:
        yield study
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


# --- the day before the question ------------------------------------------------------------------------------


async def opened(study: Workspace) -> Message:
    """The card of a round about dropout."""
    return await study.opened(question="dropout")


async def revealed(study: Workspace, answers: Mapping[Member, str]) -> Message:
    """The card of that round after its reveal, with these answers from its thread."""
    card = await opened(study)
    said = [await who.say(study.channel, text, thread=card) for who, text in answers.items()]
    await study.until(lambda: all(marked(study, one) for one in said))
    await study.revealed()
    await study.until(lambda: "I covered this" in card.labels)
    return card


async def objected(study: Workspace, who: Member, card: Message, point: str, sentence: str) -> Message:
    """The private message in which somebody has said that a sentence of theirs covers a point."""
    chain = await noted(who.press(card, "I covered this"))
    await who.press(chain, labelled(chain, point))
    await who.press(chain, labelled(chain, sentence))
    return chain


def labelled(place: Message | View, words: str) -> str:
    """The one button that begins so, after its number; a label is cut where it is long."""
    [label] = [label for label in place.labels if label.partition(". ")[2].startswith(words)]
    return label


async def points_of(study: Workspace, who: Member) -> int:
    """What somebody has in the ledger."""
    round_, member = await study.round(), member_id(study.team.id, who.id)
    rows = await study.program.store.read(lambda tx: tx.ledger.of_round(round_.id, member))
    return sum(row.points for row in rows)


async def rulings(study: Workspace) -> list[Ruling]:
    drill = await study.drill()
    return await study.program.store.read(lambda tx: tx.rulings.of_channel(drill.channel, 50))


async def objections(study: Workspace) -> list[Objection]:
    drill = await study.drill()
    return await study.program.store.read(lambda tx: tx.objections.open_in(drill.channel))


async def exemplars(study: Workspace) -> tuple[Exemplar, ...]:
    round_ = await study.round()
    return await study.program.store.read(lambda tx: tuple(tx.rulings.exemplars(round_.group, round_.question.id)))


async def missed(study: Workspace, who: Member) -> list[str]:
    """The key points that somebody's answer does not cover, as the grader sees it."""
    round_, member = await study.round(), member_id(study.team.id, who.id)
    grade = await study.program.store.read(lambda tx: tx.answers.grade(round_.id, member))
    assert grade is not None
    lacking = {graded.key_point for graded in grade.points if graded.coverage is not Coverage.COVERED}
    return [point.text for point in round_.question.key_points if point.id in lacking]


def said_in_public(study: Workspace) -> list[tuple[str, str]]:
    """All that stands where everybody sees it."""
    everything = [(one, *one.replies) for one in study.channel.messages]
    return [(one.ts, f"{one.words}{one.labels}") for some in everything for one in some]


# --- check now ------------------------------------------------------------------------------------------------


async def test_who_has_sent_the_form_is_told_in_its_window_how_far_it_goes_and_can_no_longer_change_it(
    study: Workspace,
) -> None:
    async with study.running():
        card = await opened(study)
        form = modal(await study.bob.press(card, "Answer"))
        receipt = modal(await study.bob.submit(form, {"Your answer": ANSWER}))
        assert "Recorded" in receipt.words
        assert receipt.labels == ["Check now", "By my name", "As someone", "Not at all"]
        public = said_in_public(study)
        checked = modal(await study.bob.press(receipt, "Check now"))
        assert study.bob.modals == [checked] == [form]
        assert (checked.title, checked.labels) == ("Checked", [])
        assert "It covers 2 of 6 key points." in checked.words
        assert "4 key points, 2 of them essential: still missing" in checked.words
        lacking = await missed(study, study.bob)
        assert len(lacking) == 4
        assert [point for point in lacking if point in checked.words] == []
        assert said_in_public(study) == public
        for again in (card, await noted(study.bob.command(COMMAND, "", study.channel))):
            assert "so it is final" in await asked(study.bob.press(again, "Answer"), study.bob)
        late = await study.sends(study.bob, "answer", (await study.round()).id, {"text": "something else altogether"})
        assert "Not counted: you had your answer checked" in alone(late, study.bob)
        assert await study.text_by(study.bob) == ANSWER


async def test_an_answer_from_the_thread_is_checked_in_one_private_message_and_later_edits_are_told_not_to_count(
    study: Workspace,
) -> None:
    async with study.running():
        card = await opened(study)
        said = await study.bob.say(study.channel, ZEROING, thread=card)
        await study.until(lambda: marked(study, said))
        reply = await noted(study.bob.shortcut(said, SUBMIT))
        assert reply.labels == ["Check now"]
        await study.bob.press(reply, "Check now")
        assert study.bob.ephemerals == [reply]
        assert "It covers 2 of 6 key points." in reply.words
        assert reply.labels == []
        await study.bob.edit(said, ANSWER)
        await study.bob.edit(said, f"{ANSWER} And more.")
        assert await study.text_by(study.bob) == ZEROING
        [note] = study.bob.ephemerals[1:]
        assert "so it is final" in note.text
        assert note.thread_ts == card.ts


async def test_the_own_page_checks_in_a_window_and_shows_then_what_is_so(study: Workspace) -> None:
    async with study.running():
        card = await opened(study)
        said = await study.bob.say(study.channel, ZEROING, thread=card)
        await study.until(lambda: marked(study, said))
        page = await study.bob.open_home()
        assert page is not None
        assert page.labels == ["Revise your answer", "Hint", "Check now"]
        shown = modal(await study.bob.press(page, "Check now"))
        assert "It covers 2 of 6 key points." in shown.words
        await study.handled()
        assert page.labels == ["What I covered"]
        await study.bob.close(shown)
        assert "It covers 2 of 6 key points." in modal(await study.bob.press(page, "What I covered")).words


# --- I covered this -------------------------------------------------------------------------------------------


async def test_an_objection_is_made_in_one_private_message_from_the_reveal_to_what_is_filed(study: Workspace) -> None:
    async with study.running():
        card = await revealed(study, {study.bob: ANSWER})
        public = said_in_public(study)
        [reveal] = study.references()
        chain = await noted(study.bob.press(reveal, "I covered this"))
        assert (chain.seen_by, chain.thread_ts) == (study.bob, card.ts)
        assert len(chain.labels) == 4
        await study.bob.press(chain, labelled(chain, "It is switched off"))
        assert "Which sentence of yours says" in chain.words
        assert [label[:6] for label in chain.labels] == ["1. Dro", "2. Onc", "3. Rea"]
        await study.bob.press(chain, labelled(chain, "Once it predicts"))
        assert "Your objection is filed" in chain.words
        assert chain.labels == []
        assert study.bob.ephemerals == [chain]
        [objection] = await objections(study)
        assert objection.key_point == "off-at-inference"
        assert objection.words == "Once it predicts for real nobody is sent home."
        assert said_in_public(study) == public
        # Who has nothing to object to is told so, and the card of the reveal stays as it is.
        assert "no graded answer" in await asked(study.ada.press(card, "I covered this"), study.ada)
        assert said_in_public(study) == public


async def test_from_the_result_an_objection_goes_on_in_its_window_and_a_third_is_refused_above_it(
    study: Workspace,
) -> None:
    async with study.running():
        card = await revealed(study, {study.bob: ANSWER})
        await objected(study, study.bob, card, "It is switched off", "Once it predicts")
        for point in ("It is meant for", "Surviving"):
            window = modal(await study.bob.press(card, "My result"))
            assert window.title == "Your result"
            assert window.labels == ["I covered this"]
            for step in ("I covered this", labelled):
                await study.bob.press(window, step if isinstance(step, str) else step(window, point))
            await study.bob.press(window, labelled(window, "Reach for it"))
            assert study.bob.modals == [window]
        assert "You have 2 objections open" in window.words
        assert window.words.index("2 objections open") < window.words.index("Which sentence of yours says")
        await study.bob.press(window, labelled(window, "Once it predicts"))
        assert window.words.count("2 objections open") == 1  # It does not pile up.
        assert [one.key_point for one in await objections(study)] == ["off-at-inference", "when-overfitting"]
        chain = await noted(study.bob.press(card, "I covered this"))
        await study.bob.press(chain, labelled(chain, "Surviving"))
        before = chain.words
        refused = await noted(study.bob.press(chain, labelled(chain, "Reach for it")))
        assert "You have 2 objections open" in refused.words
        assert refused is not chain
        assert chain.words == before


async def test_a_window_that_was_closed_meanwhile_costs_nothing(study: Workspace) -> None:
    async with study.running():
        card = await revealed(study, {study.bob: ANSWER})
        window = modal(await study.bob.press(card, "My result"))
        pressed = await study.bob.press(window, "I covered this", wait=False)
        await study.bob.close(window)
        await study.bob.answered(pressed)
        await study.handled()
        assert study.bob.modals == []
        assert (await noted(study.bob.press(card, "I covered this"))).labels


# --- review ---------------------------------------------------------------------------------------------------


async def test_an_objection_that_is_granted_pays_is_told_and_may_serve_as_an_example_and_can_be_undone(
    study: Workspace,
) -> None:
    async with study.running():
        card = await revealed(study, {study.bob: ANSWER})
        await objected(study, study.bob, card, "It is switched off", "Once it predicts")
        public = said_in_public(study)
        before = await points_of(study, study.bob)
        chain = await noted(study.ada.command(COMMAND, "review", study.channel))
        assert chain.labels == ["Look at 1"]
        await study.ada.press(chain, "Look at 1")
        assert "The sentence that is to say it: “Once it predicts for real nobody is sent home.”" in chain.words
        assert "bob" not in chain.words
        assert chain.labels == ["It is in there", "It is not", "Back"]
        seen = await study.ada.press(chain, "It is in there")
        assert "Granted" in chain.words
        assert len(study.ada.ephemerals) == 3  # The setup, the choice of the question, and this.
        after = await points_of(study, study.bob)
        assert after > before
        await study.again(seen)
        assert len(await rulings(study)) == 1
        assert await points_of(study, study.bob) == after
        page = await study.bob.open_home()
        assert page is not None
        assert "Your answers" in page.words
        assert "Your objection was granted" in page.words
        assert await exemplars(study) == ()
        window = modal(await study.bob.press(card, "My result"))
        assert "Your objection was granted" in window.words
        assert window.labels == ["I covered this", "Use it as an example", "Rather not"]
        await study.bob.press(window, "Use it as an example")
        assert "Thank you" in window.title
        [exemplar] = await exemplars(study)
        assert exemplar.text == ANSWER
        await study.ada.press(chain, "What else waits")
        await study.ada.press(chain, "Undo 1")
        assert "Undone" in chain.words
        assert await points_of(study, study.bob) == before
        assert await exemplars(study) == ()
        assert said_in_public(study) == public


async def test_the_own_page_asks_whether_an_answer_may_serve_and_shows_what_was_said(study: Workspace) -> None:
    async with study.running():
        card = await revealed(study, {study.bob: ANSWER})
        await objected(study, study.bob, card, "It is switched off", "Once it predicts")
        chain = await noted(study.ada.command(COMMAND, "review", study.channel))
        for label in ("Look at 1", "It is in there"):
            await study.ada.press(chain, label)
        page = await study.bob.open_home()
        assert page is not None
        assert page.labels == ["Use it as an example", "Rather not"]
        await study.bob.press(page, "Use it as an example")
        await study.handled()
        assert "Thank you" in page.words
        assert len(await exemplars(study)) == 1
        page = await study.bob.open_home()
        assert page is not None
        assert page.labels == ["Stop that"]
        me = await noted(study.bob.command(COMMAND, "me", study.channel))
        assert "Your objection was granted" in me.words  # The page does not count as having been told.
        assert me.labels == ["Stop that"]
        await study.bob.press(me, "Stop that")
        assert "Taken back" in me.words
        assert await exemplars(study) == ()


async def test_nobody_rules_on_their_own_nor_without_the_right_nor_from_another_workspace(study: Workspace) -> None:
    async with study.running():
        card = await revealed(study, {study.ada: ANSWER})
        await objected(study, study.ada, card, "It is switched off", "Once it predicts")
        [open_] = await objections(study)
        drill, public = await study.drill(), said_in_public(study)
        listed = await noted(study.ada.command(COMMAND, "review", study.channel))
        assert "another organizer has to look at that" in listed.words
        assert listed.labels == []
        number = f"o{open_.number}"
        for press, value in (("rule", f"grant {number}"), ("review", number)):
            own = await asked(study.forged(study.ada, press, f"{value} {drill.channel}", card), study.ada)
            assert "your own objection" in own
            foreign = await asked(study.forged(study.bob, press, f"{value} {drill.channel}", card), study.bob)
            assert "for organizers of that channel" in foreign
            for channel in ("slack:T0OTHER/C0OTHER00", "", "discord:1/2"):
                told = await asked(study.forged(study.ada, press, f"{value} {channel}", card), study.ada)
                assert "did not work" in told
            elsewhere = study.team.channel("elsewhere")
            told = await asked(
                study.forged(study.ada, press, f"{value} slack:{study.team.id}/{elsewhere.id}", card), study.ada
            )
            assert "no such objection here" in told
        founder = study.team.founder
        for press, value in (("consent", "yes 1"), ("object", f"9 {open_.round}"), ("check", open_.round)):
            assert "did not work" in await asked(study.forged(founder, press, value, card), founder)
        assert await rulings(study) == []
        assert said_in_public(study) == public
        assert "Granted" in await asked(study.forged(founder, "rule", f"grant {number} {drill.channel}", card), founder)
        assert said_in_public(study) == public  # Also where the button claims to stand on what everybody sees.


async def test_what_is_too_long_for_one_message_is_told_in_more_and_takes_the_place_of_none(study: Workspace) -> None:
    async with study.running():
        card = await opened(study)
        form = modal(await study.bob.press(card, "Answer"))
        await study.bob.submit(form, {"Your answer": f"{ZEROING} Once it predicts, nobody is sent home. {'Ω' * 2_500}"})
        await study.revealed()
        await study.until(lambda: "I covered this" in card.labels)
        chain = await noted(study.bob.press(card, "I covered this"))
        before = chain.labels
        await study.bob.press(chain, labelled(chain, "It is switched off"))
        await study.handled()
        first, *parts = study.bob.ephemerals
        assert (first, chain.labels) == (chain, before)
        assert "Which sentence of yours says" in parts[0].words
        assert len(parts) > 1
        [part] = [part for part in parts if any("Once it predicts" in label for label in part.labels)]
        await study.bob.press(part, labelled(part, "Once it predicts"))
        assert "Your objection is filed" in part.words
        assert study.bob.ephemerals == [chain, *parts]


# --- awards ---------------------------------------------------------------------------------------------------


async def test_an_award_stands_in_the_thread_pings_nobody_and_can_be_undone(study: Workspace) -> None:
    async with study.running():
        card = await opened(study)
        for who in (study.bob, study.ada):
            await study.says(who, "me shown=name")
        cem, dan = study.team.user("cem"), study.team.user("dan")  # Whom the bot has never met.
        seen = await study.ada.command(COMMAND, f"award {cem.mention} 2 the clearest sketch, @bob says", study.channel)
        assert "2 points, and the thread is told" in alone(seen, study.ada)
        await study.again(seen)
        told = await study.mentions(study.ada, f"award {study.bob.mention} 1 since x=3 <!here>", card)
        assert "1 point, and the thread is told" in told.words
        form = modal(await study.forged(study.ada, "do", f"award {(await study.drill()).channel}", card))
        assert form.fields == ["Member", "Points", "Reason"]
        filled = {"Member": dan.id, "Points": "11", "Reason": f"he helped {cem.mention}\nand waited"}
        refused = await study.ada.submit(form, filled)
        assert refused.errors == {"Points": "An award is 1 to 10 points, not “11”."}
        assert "3 points" in await asked(study.ada.submit(form, {**filled, "Points": "3"}), study.ada)
        await study.until(lambda: len(card.replies) == 4)
        said = "\n".join(one.words for one in card.replies if one.by_app)
        for reason in ("the clearest sketch, @bob says", "since x=3 <!here>", f"he helped {cem.mention} and waited"):
            assert reason in said, said
        assert "bob gets 1 point" in said
        assert [ruling.points for ruling in (await rulings(study))[::-1]] == [2, 1, 3]
        chain = await noted(study.ada.command(COMMAND, "review", study.channel))
        assert chain.labels == ["Undo 3", "Undo 2", "Undo 1"]
        await study.ada.press(chain, "Undo 2")
        await study.until(lambda: len(card.replies) == 5)
        assert [ruling.points for ruling in await rulings(study) if ruling.stands] == [3, 2]


async def test_a_bot_and_a_name_that_nobody_mentioned_get_no_award(study: Workspace) -> None:
    async with study.running():
        card = await opened(study)
        bot = study.team.bot
        assert "is a bot, and gets no points" in await study.says(study.ada, f"award {bot.mention} 2 thanks")
        form = modal(await study.forged(study.ada, "do", f"award {(await study.drill()).channel}", card))
        seen = await study.ada.submit(form, {"Member": bot.id, "Points": "2", "Reason": "thanks"})
        assert list(seen.errors) == ["Member"]
        assert "is a bot" in seen.errors["Member"]
        assert "“@nobody” is no member. Type @" in await study.says(study.ada, "award @nobody 2 thanks")
        assert "Nobody awards themselves" in await study.says(study.ada, f"award {study.ada.mention} 2 thanks")
        assert await rulings(study) == []
