"""What members share of their answers: who sees it and when, what is reported and removed; who is barred."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import answering, notices, pressing, rulings, sharing
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import ChannelId, Place, Receipt, Round, Share, Why, extra_round_id
from bot.core.setting_up import Refused
from tests.core.worlds import FULL, TRY, World, at, attempted, member, of_key_points, words_of
from tests.factories import CHANNEL, RANDOM, keep, make_member

ELSEWHERE = ChannelId("terminal:elsewhere/general")
SAID = "units are zeroed, says {}, and then scaled"


def sharing_world(*who: tuple[str, Share], reveal: bool = True, **changes: object) -> World:
    """The first day's round, to which these members have sent the form, sharing it so."""
    world = of_key_points(**changes)
    world.tick(at("09:00"))
    for name, share in who:
        world.fills_form(name, SAID.format(name), at("10:00"), share=share)
    if reveal:
        world.tick(at("09:00", 1))
    return world


@pytest.fixture
def three() -> Iterator[World]:
    """Ada shares by name, Bob without it, Cleo not at all."""
    with closing(sharing_world(("ada", Share.WITH_NAME), ("bob", Share.WITHOUT_NAME), ("cleo", Share.NO))) as world:
        yield world


def looks(
    world: World, who: str = "eve", seen: str = "", round_: Round | None = None, *, organizer: bool = False
) -> Card:
    """What a member who presses Answers on the first round is shown."""
    about = f"{seen} {(round_ or world.rounds()[0]).id}".lstrip()
    return world.presses(who, Press.ANSWERS, about, at("10:00", 1), organizer=organizer)


def offered(card: Card, press: Press) -> list[str]:
    return [button.about for button in card.buttons if button.press is press]


def about_of(world: World, who: str) -> str:
    """What a button carries that is about this member's answer."""
    answer = world.answer(who, world.rounds()[0])
    assert answer is not None
    return f"{sharing.mark(answer)} {answer.round}"


# --- Answers ------------------------------------------------------------------------------------------------


def test_only_what_is_shared_is_shown_and_signed_as_its_author_wishes(three: World) -> None:
    said = words_of(looks(three))
    assert f"Ada: {SAID.format('ada')}" in said
    assert f"Somebody: {SAID.format('bob')}" in said
    assert "cleo" not in said.lower()
    assert "Bob" not in said


def test_after_the_last_ones_there_are_no_more(three: World) -> None:
    assert "There are no more." in words_of(looks(three, seen="4"))


@pytest.mark.parametrize("seen", ["9" * 5000, "-1", "²", "x", "1.5", "99999"])
def test_a_number_that_was_never_offered_shows_the_first_ones_or_none(three: World, seen: str) -> None:
    assert looks(three, seen=seen).body


def test_nothing_is_shown_before_the_reveal() -> None:
    with closing(sharing_world(("ada", Share.WITH_NAME), reveal=False)) as world:
        with pytest.raises(Refused, match="once the round is revealed"):
            looks(world)
        world.orders("skip open", at("12:00"))
        with pytest.raises(Refused, match="once the round is revealed"):
            looks(world)


def test_another_group_is_shown_nothing(three: World) -> None:
    about = three.rounds()[0].id
    for press in Press.ANSWERS, Press.HELPED, Press.REPORT, Press.REMOVE:
        carried = about if press is Press.ANSWERS else about_of(three, "ada")
        with pytest.raises(Refused, match="do not know this round"):
            three.presses("eve", press, carried, at("10:00", 1), organizer=True, channel=ELSEWHERE)


def test_what_was_said_in_the_thread_is_counted_and_only_what_the_form_held_is_shown() -> None:
    with closing(sharing_world(("ada", Share.WITH_NAME), reveal=False)) as world:
        world.says("bob", FULL, at("10:00"))
        world.tick(at("09:00", 1))
        said = words_of(looks(world))
        assert "1 answer to be read in the thread." in said
        assert FULL not in said


def test_where_nobody_shares_that_is_said() -> None:
    with closing(sharing_world(("ada", Share.NO))) as world:
        assert "Nobody has shared an answer by form in this round." in words_of(looks(world))


def test_answers_are_offered_at_the_reveal_and_on_the_card_where_somebody_answered(three: World) -> None:
    round_ = three.rounds()[0]
    for card in three.card(f"{round_.id}/reveal"), three.edited[round_.id]:
        assert offered(card, Press.ANSWERS) == [round_.id]
    three.days(2, 3)
    assert offered(three.card(f"{three.rounds()[1].id}/reveal"), Press.ANSWERS) == []


def test_extra_and_sealed_rounds_can_be_shared_too() -> None:
    with closing(of_key_points(sealed=True)) as world:
        world.command("ada", "ask", at("08:00"))
        world.days(0, 0)
        for round_ in world.rounds():
            world.fills_form("ada", SAID.format("ada"), at("10:00"), share=Share.WITH_NAME, round_=round_)
        world.days(1, 2)
        for id_ in extra_round_id(CHANNEL, 1), world.rounds()[1].id:
            said = words_of(world.presses("eve", Press.ANSWERS, id_, at("10:00", 2)))
            assert f"Ada: {SAID.format('ada')}" in said
            assert "thread" not in said


NAMES = [f"m{number:02}" for number in range(11)]


def test_many_are_shown_a_few_at_a_time_each_once_and_to_each_reader_in_an_order_of_their_own() -> None:
    with closing(sharing_world(*((name, Share.WITH_NAME) for name in NAMES))) as world:

        def read(who: str) -> list[str]:
            cards, seen = [], ""
            while True:
                cards.append(looks(world, who, seen))
                more = [button for button in cards[-1].buttons if button.label == "More"]
                if not more:
                    break
                seen = more[0].about.partition(" ")[0]
            assert [len(card.body) for card in cards] == [4, 4, 3]
            lines = [words_of(Card(title="", body=(block,))) for card in cards for block in card.body]
            assert [line.split(".")[0].strip() for line in lines] == [str(number) for number in range(1, 12)]
            return [line.strip().partition(". ")[2] for line in lines]

        orders = [read(who) for who in ("eve", "kit", "lou", "eve")]
        assert orders[0] == orders[3]
        assert len({tuple(order) for order in orders}) == 3
        for order in orders:
            assert sorted(order) == [f"{name.capitalize()}: {SAID.format(name)}" for name in NAMES]
            assert order != sorted(order)


def test_neither_a_buttons_mark_nor_the_order_can_be_worked_out_from_who_answered() -> None:
    """Everybody knows the members' ids and the round's; what a form was called is known to the platform alone."""
    with closing(sharing_world(*((name, Share.WITHOUT_NAME) for name in NAMES))) as one:
        with closing(of_key_points()) as other:
            other.tick(at("09:00"))
            for number, name in enumerate(NAMES):
                form = answering.Form(
                    round=other.round().id,
                    interaction=f"another {number}",
                    member=member(name),
                    name=name,
                    text=SAID.format(name),
                    at=at("10:00"),
                    share=Share.WITHOUT_NAME,
                )
                other.arrives(form)
            other.tick(at("09:00", 1))
            assert {about_of(one, name) for name in NAMES}.isdisjoint(about_of(other, name) for name in NAMES)
            assert words_of(looks(one)) != words_of(looks(other))
        assert len({about_of(one, name) for name in NAMES}) == len(NAMES)
        assert looks(one) == looks(one)


def test_what_a_button_carries_is_short_enough_for_every_platform(three: World) -> None:
    carried = about_of(three, "ada")
    assert len(carried.partition(" ")[0]) == 10


# --- helped -------------------------------------------------------------------------------------------------


def helps(world: World, who: str, whose: str) -> Card:
    return world.presses(who, Press.HELPED, about_of(world, whose), at("10:00", 1))


def test_an_answer_helps_each_reader_once_and_brings_no_points(three: World) -> None:
    rows = three.contents()["ledger"]
    for _ in range(2):
        assert words_of(helps(three, "eve", "bob")).startswith("Noted")
    helps(three, "cleo", "bob")
    assert three.tx.answers.helped(three.rounds()[0].id) == {member("bob"): 2}
    assert "Somebody (helped 2): " in words_of(looks(three))
    assert three.contents()["ledger"] == rows


def test_ones_own_answer_helps_others_and_is_neither_to_be_thanked_nor_reported(three: World) -> None:
    with pytest.raises(Refused, match="your own"):
        helps(three, "ada", "ada")
    assert three.tx.answers.helped(three.rounds()[0].id) == {}
    for press in Press.HELPED, Press.REPORT:
        assert offered(looks(three, "ada"), press) == [about_of(three, "bob")]
        assert sorted(offered(looks(three), press)) == sorted([about_of(three, "ada"), about_of(three, "bob")])


def test_an_answer_that_is_not_shared_helps_nobody(three: World) -> None:
    for press in Press.HELPED, Press.REPORT, Press.REMOVE:
        with pytest.raises(Refused, match="no longer shared"):
            three.presses("eve", press, about_of(three, "cleo"), at("10:00", 1), organizer=True)


# --- reported and removed -----------------------------------------------------------------------------------


def review(world: World, who: str = "olga") -> Card:
    return world.command(who, "review", at("11:00", 1), organizer=True)


def reports(world: World, who: str, whose: str) -> Card:
    return world.presses(who, Press.REPORT, about_of(world, whose), at("10:00", 1))


def reported_as(card: Card) -> list[str]:
    return [about.split()[0] for about in offered(card, Press.REVIEW) if about.startswith("s")]


def test_a_report_lands_in_review_once_and_says_neither_who_reported_nor_whose_it_is(three: World) -> None:
    for who in "eve", "cleo", "eve":
        assert "They are not told who reported it." in words_of(reports(three, who, "bob"))
    [what] = reported_as(review(three))
    card = three.presses("olga", Press.REVIEW, f"{what} {CHANNEL}", at("11:00", 1), organizer=True)
    said = words_of(review(three)) + words_of(card)
    assert SAID.format("bob") in said
    for name in "Eve", "Cleo", "Bob", "@":
        assert name not in said


def test_an_organizer_removes_or_leaves_what_was_reported(three: World) -> None:
    for whose, verdict, still in ("bob", "remove", ["ada"]), ("ada", "leave", ["ada"]):
        reports(three, "eve", whose)
        [what] = reported_as(review(three))
        three.rules(f"{verdict} {what}", at("11:01", 1))
        assert reported_as(review(three)) == []
        assert sorted(offered(looks(three), Press.HELPED)) == [about_of(three, name) for name in still]
        with pytest.raises(Refused, match="Somebody was faster"):
            three.rules(f"{verdict} {what}", at("11:02", 1))


def test_nobody_decides_on_a_report_of_their_own_answer(three: World) -> None:
    reports(three, "eve", "bob")
    [what] = reported_as(review(three))
    assert reported_as(review(three, "bob")) == []
    for verdict in "remove", "leave":
        with pytest.raises(Refused):
            three.rules(f"{verdict} {what}", at("11:00", 1), by="bob")


def test_a_report_of_what_its_author_has_deleted_is_settled_by_that(three: World) -> None:
    reports(three, "eve", "bob")
    three.tx.answers.blank(three.rounds()[0].id, member("bob"))
    assert reported_as(review(three)) == []
    assert SAID.format("bob") not in words_of(looks(three))


def test_a_report_of_another_channel_is_looked_at_there(three: World) -> None:
    three.set_up(RANDOM)
    reports(three, "eve", "bob")
    [what] = reported_as(review(three))
    with pytest.raises(Refused, match="faster"):
        three.rules(f"remove {what}", at("11:00", 1), channel=RANDOM)


def test_remove_is_offered_to_organizers_and_refused_to_all_others(three: World) -> None:
    assert offered(looks(three), Press.REMOVE) == []
    assert len(offered(looks(three, "olga", organizer=True), Press.REMOVE)) == 2
    with pytest.raises(Refused, match="Only organizers"):
        three.presses("eve", Press.REMOVE, about_of(three, "ada"), at("10:00", 1))
    three.orders("setup organizers=@eve", at("10:00", 1))
    assert len(offered(looks(three, "eve"), Press.REMOVE)) == 2
    assert words_of(three.presses("eve", Press.REMOVE, about_of(three, "ada"), at("10:01", 1))).startswith("Removed")


def test_whoever_organizes_another_channel_removes_nothing_here(three: World) -> None:
    three.set_up(RANDOM, organizers=frozenset([member("eve")]))
    with pytest.raises(Refused, match="Only organizers of that channel"):
        three.presses("eve", Press.REMOVE, about_of(three, "ada"), at("10:00", 1), channel=RANDOM)


def test_a_removed_answer_keeps_grade_points_and_streak_and_is_seen_by_nobody_else() -> None:
    with closing(of_key_points(recap=True)) as world:
        world.tick(at("09:00"))
        world.fills_form("ada", "It covers one and covers two.", at("10:00"), share=Share.WITH_NAME)
        world.tick(at("09:00", 1) - (at("09:01") - at("09:00")))
        round_ = world.round()
        world.orders("reveal", at("08:59", 1))
        world.tick(at("08:59", 1))
        about = about_of(world, "ada")
        world.presses("eve", Press.HELPED, about, at("08:59", 1))
        world.presses("olga", Press.REMOVE, about, at("08:59", 1), organizer=True)
        assert (world.points("ada"), world.streak("ada")) == (3, 1)
        assert "all the essentials" in words_of(world.asks_result("ada", round_))
        assert "Nobody has shared" in words_of(looks(world, round_=round_))
        with pytest.raises(Refused, match="no longer shared"):
            world.presses("eve", Press.HELPED, about, at("09:00", 1))
        world.tick(at("09:00", 1))  # A Monday: the recap of the week comes first.
        recap = words_of(world.card(f"{CHANNEL}/recap/2026-W47"))
        assert "1 answer from 1 member" in recap
        assert "Helped" not in recap


def test_what_comes_in_late_brings_a_removed_answer_back_to_nobody(three: World) -> None:
    round_ = three.rounds()[0]
    three.presses("olga", Press.REMOVE, about_of(three, "ada"), at("10:00", 1), organizer=True)
    form = answering.Form(
        round=round_.id,
        interaction="on its way",
        member=member("ada"),
        name="Ada",
        text="And another text of hers.",
        at=at("11:00"),
        share=Share.WITH_NAME,
    )
    assert three.arrives(form, at("10:01", 1)).receipt is Receipt.REVISED
    assert "Ada" not in words_of(looks(three))


def test_a_removed_answer_serves_as_no_exemplar_and_never_comes_to() -> None:
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        for who in "ada", "bob":
            world.fills_form(who, "It covers one. And more I say.", at("10:00"), share=Share.WITHOUT_NAME)
        world.tick(at("09:00", 1))
        round_ = world.rounds()[0]
        for who in "ada", "bob":
            world.objects(who, "1.1", at("10:00", 1))
        world.rules("grant o1", at("11:00", 1))
        world.rules("grant o2", at("11:00", 1))
        world.told("ada")
        world.told("bob")
        world.presses("ada", Press.CONSENT, "yes 1", at("11:01", 1))

        def samples() -> int:
            return len(world.tx.rulings.exemplars(round_.group, round_.question.id))

        assert samples() == 1
        for who in "ada", "bob":
            world.presses("olga", Press.REMOVE, about_of(world, who), at("12:00", 1), organizer=True)
        assert samples() == 0
        with pytest.raises(Refused):
            world.presses("bob", Press.CONSENT, "yes 2", at("12:01", 1))
        world.rules("undo r1", at("12:02", 1))
        world.rules("grant o1", at("12:03", 1))
        assert rulings.CONSENT not in world.told("ada")
        assert samples() == 0


# --- barred -------------------------------------------------------------------------------------------------


def test_whoever_is_barred_gives_no_answer_in_any_way(world: World) -> None:
    world.tick(at("09:00"))
    world.says("mallory", "just talk", at("09:01"))
    keep(world.tx, make_member(member("mallory")))
    world.orders("bar @mallory", at("09:02"))
    assert world.says("mallory", FULL, at("10:00"), message="m").why is Why.TALK
    told = world.fills_form("mallory", FULL, at("10:01"))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.BARRED)
    assert "an organizer has barred you from answers" in notices.told(told)
    assert world.submits("mallory", "m", at("10:02")).why is Why.BARRED
    world.edits("m", f"{FULL} once more", at("10:03"))
    assert world.answer("mallory") is None
    assert world.keeps(FULL) == []
    world.orders("bar @mallory", at("10:04"))
    assert world.says("mallory", FULL, at("10:05")).receipt is Receipt.RECORDED


def test_what_somebody_said_before_they_were_barred_can_still_be_taken_back(world: World) -> None:
    world.tick(at("09:00"))
    world.says("mallory", FULL, at("10:00"), message="m")
    world.orders("bar @mallory", at("10:01"))
    world.edits("m", "another text in five words", at("10:02"))
    assert world.text("mallory") == FULL
    world.deletes("m", at("10:03"))
    assert world.answer("mallory") is None


def test_who_is_barred_can_still_take_back_all_they_said_by_an_empty_form(world: World) -> None:
    world.tick(at("09:00"))
    assert world.fills_form("oscar", FULL, at("10:00")).receipt is Receipt.RECORDED
    world.orders("bar @oscar", at("10:01"))
    assert world.fills_form("oscar", FULL + " And more.", at("10:02")).why is Why.BARRED
    assert world.fills_form("oscar", "", at("10:03")).receipt is Receipt.WITHDRAWN


def test_what_somebody_shared_is_not_shown_while_they_are_barred(three: World) -> None:
    round_ = three.rounds()[0]
    shown = {answer.member for answer in sharing.shared_in(three.tx, round_.id)}
    gone = sorted(shown)[0]
    keep(three.tx, replace(three.tx.members.get(gone) or make_member(gone), barred=True))
    assert {answer.member for answer in sharing.shared_in(three.tx, round_.id)} == shown - {gone}
    keep(three.tx, replace(three.tx.members.get(gone) or make_member(gone), barred=False))
    assert {answer.member for answer in sharing.shared_in(three.tx, round_.id)} == shown


def test_me_invites_nobody_who_is_barred_to_answer(world: World) -> None:
    world.tick(at("09:00"))
    world.fills_form("oscar", FULL, at("10:00"))
    world.orders("bar @oscar", at("10:01"))
    card = world.command("oscar", "me", at("10:02"))
    assert "Check now" not in [button.label for button in card.buttons]
    assert "Answer a daily question" not in words_of(card)


def test_bar_without_a_name_tells_who_is_barred(world: World) -> None:
    assert "Nobody is barred here." in words_of(world.orders("bar", at("08:00")))
    keep(world.tx, make_member(member("mallory")), make_member(member("oscar")))
    keep(world.tx, make_member(member("trudy", ELSEWHERE), barred=True))
    for who in "mallory", "oscar":
        assert "Barred: " in world.orders(f"bar @{who}", at("08:00")).title
    assert "Mallory, Oscar" in words_of(world.orders("bar", at("08:00")))
    assert "No longer barred: Oscar" in words_of(world.orders("bar @oscar", at("08:00")))
    assert "Trudy" not in words_of(world.orders("bar", at("08:00")))


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("@olga", "Nobody bars themselves"),
        ("@nobody", "not met this member"),
        ("@a@b", "is no member"),
        ("@elsewhere/x", "is no member"),
    ],
)
def test_who_cannot_be_barred_is_refused_in_words(world: World, who: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        world.orders(f"bar {who}", at("08:00"))


def test_an_empty_form_takes_back_what_somebody_said_before_they_were_barred(world: World) -> None:
    world.tick(at("09:00"))
    world.fills_form("mallory", FULL, at("10:00"))
    world.orders("bar @mallory", at("10:01"))
    assert world.fills_form("mallory", TRY, at("10:02")).why is Why.BARRED
    assert world.text("mallory") == FULL
    assert world.fills_form("mallory", " ", at("10:03")).receipt is Receipt.WITHDRAWN
    assert world.answer("mallory") is None


def test_who_is_barred_is_offered_a_form_only_to_take_back_what_they_said(world: World) -> None:
    world.tick(at("09:00"))
    world.fills_form("mallory", FULL, at("10:00"))
    for who in ("mallory", "trudy"):
        keep(world.tx, make_member(member(who), barred=True))
    asker = Asker(member=member("mallory"), name="Mallory", place=Place(channel=CHANNEL))
    _, given = pressing.answer_form(world.tx, asker, world.round().id)
    assert given is not None
    assert given.text == FULL
    with pytest.raises(Refused, match="an organizer has barred you"):
        pressing.answer_form(world.tx, replace(asker, member=member("trudy")), world.round().id)


def test_what_who_is_barred_has_shared_is_shown_and_thanked_no_more_until_that_is_undone() -> None:
    with closing(sharing_world(("ada", Share.WITH_NAME), ("bob", Share.WITHOUT_NAME))) as world:
        carried = about_of(world, "ada")
        shown = words_of(looks(world))
        world.orders("bar @ada", at("10:00", 1))
        assert SAID.format("ada") in shown
        assert SAID.format("ada") not in words_of(looks(world))
        assert SAID.format("bob") in words_of(looks(world))
        with pytest.raises(Refused, match="no longer shared"):
            world.presses("eve", Press.HELPED, carried, at("10:01", 1))
        world.orders("bar @ada", at("10:02", 1))
        assert words_of(looks(world)) == shown


def test_who_is_barred_is_not_told_to_answer_by_a_board(world: World) -> None:
    keep(world.tx, make_member(member("mallory"), barred=True))
    for text in ("leaderboard", "leaderboard average", "me"):
        said = words_of(world.command("mallory", text, at("08:00")))
        assert "An organizer has barred you" in said
        assert "Answer a daily question" not in said
        assert "You are not on it yet" not in said


def test_whoever_is_barred_is_told_so_in_me(world: World) -> None:
    keep(world.tx, make_member(member("mallory"), barred=True))
    assert "An organizer has barred you" in words_of(world.command("mallory", "me", at("08:00")))


# --- what a button carries ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded() -> Iterator[World]:
    with closing(sharing_world(("ada", Share.WITH_NAME), ("bob", Share.WITHOUT_NAME), ("cleo", Share.NO))) as world:
        world.presses("eve", Press.REPORT, about_of(world, "bob"), at("10:00", 1))
        yield world


NUMBERS = st.one_of(
    st.sampled_from(["", "0", "4", "-1", "²", "\u0661", "½", "+1", "1e3", "9" * 5000, "0" * 10, "f" * 10]),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=10),
)
ROUNDS = st.one_of(
    st.sampled_from([f"{CHANNEL}@2026-11-22", f"{CHANNEL}@2026-11-23", f"{ELSEWHERE}@2026-11-22", "", "@", CHANNEL]),
    st.text(max_size=8),
)
FORGED = st.one_of(st.text(), st.builds("{} {}".format, NUMBERS, ROUNDS), ROUNDS)


@settings(max_examples=100, deadline=None)
@given(about=FORGED, press=st.sampled_from([Press.ANSWERS, Press.HELPED, Press.REPORT, Press.REMOVE]))
def test_whatever_the_buttons_of_shared_answers_carry_is_refused_in_words_unless_it_was_offered_so(
    crowded: World, about: str, press: Press
) -> None:
    before = crowded.contents()
    with crowded.tried():
        card = attempted(lambda: crowded.presses("eve", press, about, at("10:00", 1)))
        if isinstance(card, str):
            assert card
        else:
            assert press is Press.ANSWERS
            assert about.endswith(crowded.rounds()[0].id)
            assert card.body
        assert crowded.contents() == before


@settings(max_examples=40, deadline=None)
@given(what=st.builds("s{}".format, NUMBERS), verdict=st.sampled_from(["remove", "leave", "look"]))
def test_whatever_an_organizers_button_about_a_report_carries_is_refused_in_words(
    crowded: World, what: str, verdict: str
) -> None:
    press = Press.REVIEW if verdict == "look" else Press.RULE
    about = what if verdict == "look" else f"{verdict} {what}"
    with crowded.tried(), pytest.raises(Refused):
        crowded.presses("olga", press, f"{about} {CHANNEL}", at("10:00", 1), organizer=True)
