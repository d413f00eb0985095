"""What is found to be well or not, from what was seen; and what `doctor` answers in a channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import checkup as looking
from bot.core import checkup
from bot.core.asking import Asker
from bot.core.checkup import Access, ChannelSeen, FileSeen, Finding, Lack, PlatformSeen, State, TokenSeen
from bot.core.commands import read
from bot.core.model import DeliveryState, DrillState, Opening, Place
from bot.core.replies import answer
from bot.core.setting_up import Refused
from tests.core.worlds import World, at, make_bank, member, words_of
from tests.factories import CHANNEL, NOW, RANDOM, TODAY, keep, make_delivery, make_drill, make_question, make_timetable

BANKS = {"nn": make_bank([make_question()])}
GB = 1_000_000_000


def states(found: list[Finding]) -> list[State]:
    return [one.state for one in found]


# --- findings -----------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(State)))
def test_the_worst_finding_counts_and_all_are_counted(given_states: list[State]) -> None:
    found = [Finding("a", "b", state, "c") for state in given_states]
    assert (checkup.worst(found) is State.FAULT) == (State.FAULT in given_states)
    assert (checkup.worst(found) is State.OK) == (set(given_states) <= {State.OK})
    assert (checkup.in_words(found) == "All is well.") == (set(given_states) <= {State.OK})


# --- the machine --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "state", "says"),
    [
        (FileSeen(path="x.db", exists=False), State.OK, "not there yet"),
        (FileSeen(path="x.db", size=4096, log=1_500), State.OK, "sound, 4.1 kB, its log 1.5 kB"),
        (FileSeen(path="x.db", size=4096, pending=("m9",)), State.OK, "1 migration to come at the next start (m9)"),
        (FileSeen(path="x.db", size=4096, log=GB), State.WARNING, "its log 1.0 GB"),
        (FileSeen(path="x.db", refused="x.db: it is damaged (here); restore one"), State.FAULT, "it is damaged (here)"),
        (FileSeen(path="x.db", writable=False), State.FAULT, "may not write"),
        (FileSeen(path="x.db", network="nfs4"), State.FAULT, "network file system (nfs4)"),
    ],
)
def test_how_a_database_lies_there_is_told(seen: FileSeen, state: State, says: str) -> None:
    found = checkup.of_database(seen)
    assert checkup.worst(found) is state
    assert any(says in one.detail for one in found)
    assert all(one.remedy for one in found if one.state is not State.OK)


@pytest.mark.parametrize(
    ("free", "database", "state"),
    [
        (50_000_000, 0, State.FAULT),
        (500_000_000, 0, State.WARNING),
        (5 * GB, 0, State.OK),
        (5 * GB, 6 * GB, State.FAULT),
    ],
)
def test_a_disk_needs_room_for_the_database_and_a_copy(free: int, database: int, state: State) -> None:
    assert checkup.of_disk("/data", free, database).state is state


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2025, 12, 31, tzinfo=UTC), [State.FAULT]),
        (datetime(2027, 6, 1, tzinfo=UTC), [State.OK, State.OK]),
        (datetime(2028, 6, 1, tzinfo=UTC), [State.OK, State.WARNING]),
    ],
)
def test_a_clock_before_its_time_zone_rules_is_wrong_and_old_rules_are_told(
    now: datetime, expected: list[State]
) -> None:
    assert states(checkup.of_time_zones("2026f", now)) == expected


def test_a_python_without_fixes_is_told() -> None:
    assert checkup.of_python((3, 11, 7), date(2028, 1, 1)).state is State.WARNING
    assert checkup.of_python((3, 11, 7), date(2027, 1, 1)).state is State.OK
    assert checkup.of_python((3, 99, 0), date(2050, 1, 1)).state is State.OK


def test_whether_a_program_runs_is_no_fault_but_a_lock_that_cannot_be_used_is() -> None:
    assert [checkup.of_lease("x.db", held).state for held in (True, False, None)] == [State.OK, State.OK, State.FAULT]


MOUNTS = r"""
/dev/sda1 / ext4 rw 0 0
server:/export /srv nfs4 rw 0 0
//nas/share /mnt/my\040share cifs rw 0 0
/dev/sdb1 /srv/local xfs rw 0 0
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/x.db", ""), ("/srv/a/x.db", "nfs4"), ("/srv/local/x.db", ""), ("/srvs/x.db", ""), ("/mnt/my share/x", "cifs")],
)
def test_a_network_file_system_is_told_by_the_nearest_mount(tmp_path: Path, path: str, kind: str) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert looking.network_of(Path(path), tmp_path / "mounts") == kind
    assert looking.network_of(Path(path), tmp_path / "none") == ""


# --- drills and deliveries ----------------------------------------------------------------------------------


def test_the_next_three_rounds_are_told_in_local_time_and_in_utc() -> None:
    drill = make_drill(timetable=make_timetable(zone="Asia/Tokyo"), next=Opening(on=TODAY, at=at("20:00")))
    [found] = checkup.of_drill(drill, BANKS, at("08:00"))
    assert found.state is State.OK
    assert found.detail.startswith("next Mon 23 Nov 05:00 = Sun 20:00 UTC; ")
    assert found.detail.count("UTC") == 3
    assert found.detail.endswith("(Asia/Tokyo)")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": DrillState.ASLEEP, "unanswered": 5, "next": None}, "5 rounds in a row had no answer"),
        ({"state": DrillState.OFF, "state_reason": "it may not post", "next": None}, "it is off: it may not post"),
        ({"timetable": make_timetable(paused=True), "next": None}, "paused"),
    ],
)
def test_a_drill_that_does_not_run_says_why_and_how_to_go_on(changes: dict[str, Any], says: str) -> None:
    [found] = checkup.of_drill(make_drill(**changes), BANKS, NOW)
    assert found.state is State.WARNING
    assert says in found.detail
    assert "resume" in found.remedy


def test_a_drill_paused_until_a_date_says_which() -> None:
    drill = make_drill(timetable=make_timetable(paused_until=date(2026, 12, 1)))
    assert "paused until 2026-12-01" in checkup.of_drill(drill, BANKS, at("08:00"))[0].detail


def test_a_round_that_is_long_due_says_that_nobody_opens_it() -> None:
    [found] = checkup.of_drill(make_drill(), BANKS, NOW + timedelta(hours=1))
    assert found.state is State.WARNING
    assert "was due at 2026-11-22 09:00 UTC" in found.detail


def test_a_drill_without_its_bank_or_without_a_question_that_fits_is_a_fault() -> None:
    assert states(checkup.of_drill(make_drill(bank="gone"), BANKS, at("08:00"))) == [State.FAULT, State.OK]
    assert states(checkup.of_drill(make_drill(topics=frozenset({"none"})), BANKS, at("08:00")))[0] is State.FAULT


def test_deliveries_are_stuck_when_something_went_wrong_with_them_or_they_wait_for_long() -> None:
    fresh = make_delivery("fresh", created_at=NOW)
    refused = make_delivery("refused", created_at=NOW, attempts=2, note="403 Missing\nPermissions")
    old = make_delivery("old", created_at=NOW - timedelta(hours=1))
    dropped = make_delivery("dropped", state=DeliveryState.DROPPED, note="the channel is gone")
    assert states(checkup.of_deliveries([fresh], [], NOW)) == [State.OK]
    found = checkup.of_deliveries([fresh, refused, old], [dropped], NOW)
    assert [one.what for one in found] == ["refused", "old", "dropped"]
    assert set(states(found)) == {State.WARNING}
    assert "2 tries: 403 Missing Permissions" in found[0].detail
    assert "given up: the channel is gone" in found[2].detail


def test_of_many_stuck_deliveries_some_are_shown_and_the_rest_counted() -> None:
    stuck = [make_delivery(str(number), note="no way there") for number in range(50)]
    found = checkup.of_deliveries(stuck, [], NOW)
    assert len(found) == checkup.DELIVERIES_SHOWN + 1
    assert found[-1].detail.startswith("45 more deliveries")


# --- platforms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("access", [access for access in Access if access is not Access.THERE])
def test_every_channel_in_which_the_bot_cannot_work_says_what_to_do(access: Access) -> None:
    found = checkup.of_channel(ChannelSeen(channel=CHANNEL, access=access))
    assert found.state is (State.WARNING if access is Access.UNKNOWN else State.FAULT)
    assert found.remedy


def test_a_refused_token_and_a_lack_are_told_with_their_remedies() -> None:
    seen = PlatformSeen(
        platform="p",
        tokens=(TokenSeen(setting="T", refused="why", remedy="get one"),),
        lacks=(Lack(what="a right", means="so", remedy="grant it", needed=False),),
    )
    assert [(one.state, one.remedy) for one in checkup.of_platform(seen)] == [
        (State.FAULT, "get one"),
        (State.WARNING, "grant it"),
    ]


@pytest.mark.parametrize("header", ["", "yesterday", "Mon, 99 Foo 2026", "22 Nov 2026 09:00:00"])
def test_a_date_that_is_none_tells_nothing_of_the_clock(header: str) -> None:
    assert checkup.ahead_of(header, NOW, NOW) is None


@given(st.integers(-100_000, 100_000))
def test_how_far_a_clock_is_off_is_told_to_within_a_second(seconds: int) -> None:
    here = NOW + timedelta(seconds=seconds)
    found = checkup.ahead_of("Sun, 22 Nov 2026 09:00:00 GMT", here, here)
    assert found is not None
    assert abs(found - timedelta(seconds=seconds)) <= timedelta(seconds=1)


# --- in a channel -------------------------------------------------------------------------------------------


def doctor(world: World, seen: tuple[ChannelSeen, ...] = (), lacks: tuple[Lack, ...] = (), **more: object) -> str:
    asker = Asker(
        member=member("olga"), name="Olga", place=Place(channel=CHANNEL), organizer=True, seen=seen, lacks=lacks
    )
    card = answer(world.tx, world.banks, replace(asker, **more), read("doctor"), at("08:00"))  # type: ignore[arg-type]
    return words_of(card)


def test_a_channel_in_which_all_is_well_says_so_with_its_next_rounds(world: World) -> None:
    told = doctor(world, (ChannelSeen(channel=CHANNEL, access=Access.THERE, name="#general"),))
    assert "All is well." in told
    assert "✓ Channel #general" in told
    assert "bank nn" in told.lower()
    assert "nothing waits" in told
    assert [f"2026-11-{day} 09:00" in told for day in (22, 23, 24, 25)] == [True, True, True, False]


def test_what_the_bot_lacks_here_and_in_the_place_for_notes_is_told(world: World) -> None:
    world.set_up(notes=RANDOM)
    told = doctor(
        world,
        (
            ChannelSeen(channel=CHANNEL, access=Access.THERE, name="#general", lacking=("Embed links",)),
            ChannelSeen(channel=RANDOM, access=Access.GONE),
        ),
        (Lack(what="An intent", means="so and so", remedy="switch it on", needed=False),),
    )
    assert "2 faults, 1 warning." in told
    assert "lacks rights there: Embed links. To do: grant them" in told
    assert f"Place for notes {RANDOM}".lower() in told.lower()
    assert "switch it on" in told


def test_a_drill_that_is_off_and_what_is_stuck_in_its_channel_are_told(world: World) -> None:
    world.set_up(state=DrillState.OFF, state_reason="it may not post there", next=None)
    keep(world.tx, make_delivery("stuck", note="Missing Permissions"), make_delivery("other", RANDOM, note="elsewhere"))
    told = doctor(world)
    assert "it is off: it may not post there" in told
    assert "Missing Permissions" in told
    assert "elsewhere" not in told
    assert "Next rounds" not in told


def test_a_channel_without_a_drill_says_how_to_make_one() -> None:
    assert "/nnquestion setup" in doctor(World(drill=False))


def test_only_organizers_may_ask_for_the_doctor_and_asking_changes_nothing(world: World) -> None:
    before = world.drill()
    doctor(world)
    assert world.drill() == before
    with pytest.raises(Refused):
        doctor(world, organizer=False)
