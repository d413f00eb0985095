"""The schedule on the days on which clocks misbehave, and drills that meet such days, changes and pauses."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.schedule_exhaustive import (
    EVERY_DATE_AT,
    Tally,
    check,
    check_zone,
    days_around_changes,
    timeline,
)
from bot.core.model import Closing, Opening, Timetable
from bot.core.schedule import (
    TZDATA_VERSION,
    UnknownZone,
    closing_of,
    next_after_change,
    next_opening,
    opening_on,
    reveal_of,
    still_worth_opening,
    zone,
    zone_names,
)

WEEKDAYS = frozenset(range(5))
NINE = time(9, 0)


def timetable(at: str = "09:00", place: str = "Europe/Berlin", **more: object) -> Timetable:
    """A drill's timetable, every day at nine in Berlin where nothing else is said."""
    return replace(Timetable(at=time.fromisoformat(at), zone=place), **more)  # type: ignore[arg-type]


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def opening(on: str, at: str = "09:00", place: str = "Europe/Berlin") -> Opening:
    """A date's opening, which must exist."""
    found = opening_on(timetable(at, place), date.fromisoformat(on))
    assert found is not None
    assert found.on == date.fromisoformat(on)
    return found


def opens(at: str, place: str, on: str) -> str:
    """When that date's round opens, as the place's own clocks show it."""
    return opening(on, at, place).at.astimezone(zone(place)).isoformat(timespec="minutes")


# --- zones --------------------------------------------------------------------------------------------------


def test_every_zone_that_is_named_can_be_loaded() -> None:
    assert len(zone_names()) > 500
    for name in zone_names():
        assert zone(name).key == name


def test_a_zone_comes_from_the_package_though_the_machine_says_otherwise(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "Asia").mkdir()
    berlin = files("tzdata").joinpath("zoneinfo", "Europe", "Berlin").read_bytes()
    (tmp_path / "Asia" / "Tokyo").write_bytes(berlin)
    request.addfinalizer(reset_tzpath)
    reset_tzpath(to=[tmp_path])
    zone.cache_clear()
    noon = utc("2026-01-01 12:00")
    assert noon.astimezone(ZoneInfo.no_cache("Asia/Tokyo")).hour == 13
    assert noon.astimezone(zone("Asia/Tokyo")).hour == 21


def test_the_release_of_the_zones_is_known() -> None:
    assert TZDATA_VERSION[:4].isdigit()
    assert TZDATA_VERSION[4:].isalpha()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("EUROPE/BERLIN", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("Tokio", "Asia/Tokyo"),
        ("utc", "UTC"),
    ],
)
def test_a_mistyped_zone_is_answered_with_the_one_that_was_meant(typed: str, meant: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        zone(typed)
    assert repr(typed) in str(caught.value)
    assert meant in str(caught.value)
    assert caught.value.close_matches[0] == meant
    assert len(caught.value.close_matches) <= 3


@pytest.mark.parametrize("typed", ["", "xyzzy", "../zones", "Europe", "/etc/localtime", "Europe/Berlin\0"])
def test_what_is_no_zone_at_all_is_refused_by_name(typed: str) -> None:
    with pytest.raises(UnknownZone, match="no time zone is called"):
        zone(typed)


# --- nights on which a time is missing ----------------------------------------------------------------------


def test_half_past_two_on_the_night_it_does_not_exist_opens_at_three() -> None:
    assert opens("02:30", "Europe/Berlin", "2026-03-29") == "2026-03-29T03:00+02:00"


def test_three_on_that_night_opens_at_three_as_well() -> None:
    assert opens("03:00", "Europe/Berlin", "2026-03-29") == "2026-03-29T03:00+02:00"
    assert opens("03:15", "Europe/Berlin", "2026-03-29") == "2026-03-29T03:15+02:00"


@pytest.mark.parametrize(
    ("at", "place", "on", "shown"),
    [
        ("02:00", "America/New_York", "2026-03-08", "2026-03-08T03:00-04:00"),
        ("02:59", "America/New_York", "2026-03-08", "2026-03-08T03:00-04:00"),
        ("00:00", "Africa/Cairo", "2026-04-24", "2026-04-24T01:00+03:00"),
        ("00:00", "Asia/Beirut", "2026-03-29", "2026-03-29T01:00+03:00"),
        ("02:15", "Australia/Lord_Howe", "2026-10-04", "2026-10-04T02:30+11:00"),
        ("01:30", "Antarctica/Troll", "2026-03-29", "2026-03-29T03:00+02:00"),
        ("02:30", "Antarctica/Troll", "2026-03-29", "2026-03-29T03:00+02:00"),
    ],
)
def test_a_skipped_time_opens_as_the_clocks_jump(at: str, place: str, on: str, shown: str) -> None:
    assert opens(at, place, on) == shown


def test_a_time_skipped_up_to_midnight_keeps_its_round_and_its_date() -> None:
    assert opens("23:30", "America/Nuuk", "2026-03-28") == "2026-03-29T00:00-01:00"
    assert opens("23:30", "America/Nuuk", "2026-03-29") == "2026-03-29T23:30-01:00"


def test_a_skipped_time_with_a_fraction_of_a_second_opens_on_the_second() -> None:
    assert opening("2026-03-29", "02:30:00.500001").at == utc("2026-03-29 01:00")


def test_a_date_that_a_zone_skips_whole_has_no_round() -> None:
    samoa = timetable("09:00", "Pacific/Apia")
    assert opening_on(samoa, date(2011, 12, 30)) is None
    eve = opening_on(samoa, date(2011, 12, 29))
    assert eve is not None
    following = next_opening(samoa, eve.at)
    assert following is not None
    assert following.on == date(2011, 12, 31)
    assert following.at - eve.at == timedelta(days=1)


# --- nights on which a time comes twice ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "place", "on", "shown"),
    [
        ("02:30", "Europe/Berlin", "2026-10-25", "2026-10-25T02:30+02:00"),
        ("03:00", "Europe/Berlin", "2026-10-25", "2026-10-25T03:00+01:00"),
        ("01:30", "America/New_York", "2026-11-01", "2026-11-01T01:30-04:00"),
        ("01:45", "Australia/Lord_Howe", "2026-04-05", "2026-04-05T01:45+11:00"),
        ("02:00", "Antarctica/Troll", "2026-10-25", "2026-10-25T02:00+02:00"),
        ("23:30", "America/Nuuk", "2026-10-24", "2026-10-24T23:30-01:00"),
        ("00:00", "America/Nuuk", "2026-10-25", "2026-10-25T00:00-02:00"),
        ("23:30", "Africa/Cairo", "2026-10-29", "2026-10-29T23:30+03:00"),
    ],
)
def test_a_repeated_time_opens_the_first_time(at: str, place: str, on: str, shown: str) -> None:
    assert opens(at, place, on) == shown


def test_a_repeated_time_does_not_open_again() -> None:
    first = opening("2026-10-25", "02:30")
    following = next_opening(timetable("02:30"), first.at)
    assert following == opening("2026-10-26", "02:30")


def test_a_time_that_remembers_the_second_reading_still_opens_at_the_first() -> None:
    second = replace(timetable(), at=time(2, 30, fold=1))
    assert opening_on(second, date(2026, 10, 25)) == opening("2026-10-25", "02:30")


# --- a sample of the exhaustive proof -----------------------------------------------------------------------


def test_a_sixth_of_the_zones_has_one_round_a_date_around_their_changes_of_2026() -> None:
    tally = Tally()
    for name in random.Random(2026).sample(zone_names(), 100):
        pieces = timeline(name, date(2026, 1, 1), date(2026, 12, 31))
        for days in days_around_changes(pieces, date(2026, 1, 1), date(2026, 12, 31)):
            for at in EVERY_DATE_AT:
                tally += check(name, pieces, days, at)
    assert tally.checks > 1_000
    assert tally.violations == ()


def test_some_zones_have_it_at_every_quarter_hour_and_through_a_whole_year() -> None:
    sample = [*random.Random(2026).sample(zone_names(), 6), "America/Nuuk", "Antarctica/Troll"]
    tally = sum((check_zone(name, date(2027, 1, 1), date(2027, 12, 31)) for name in sample), start=Tally())
    assert tally.violations == ()


def test_the_proof_also_holds_where_a_date_is_missing_and_where_midnight_comes_twice() -> None:
    skipped = check_zone("Pacific/Apia", date(2011, 12, 1), date(2012, 1, 31))
    one_past_midnight = check_zone("America/St_Johns", date(2010, 10, 1), date(2010, 12, 31))
    assert (skipped + one_past_midnight).violations == ()


# --- which dates are planned --------------------------------------------------------------------------------


def test_only_the_chosen_weekdays_are_planned() -> None:
    weekdays = timetable(days=WEEKDAYS)
    friday, saturday, monday = date(2026, 6, 5), date(2026, 6, 6), date(2026, 6, 8)
    assert opening_on(weekdays, saturday) is None
    following = next_opening(weekdays, utc("2026-06-05 07:00"))
    assert following == opening(monday.isoformat())
    assert opening_on(weekdays, friday) == opening(friday.isoformat())


def test_a_day_off_has_no_round() -> None:
    christmas = frozenset({date(2026, 12, 25), date(2026, 12, 26)})
    drill = timetable(days_off=christmas)
    assert opening_on(drill, date(2026, 12, 25)) is None
    assert next_opening(drill, utc("2026-12-24 12:00")) == opening("2026-12-27")


def test_the_next_opening_is_later_than_the_instant_even_if_by_a_little() -> None:
    at_nine = opening("2026-06-05")
    assert next_opening(timetable(), at_nine.at - timedelta(microseconds=1)) == at_nine
    assert next_opening(timetable(), at_nine.at) == opening("2026-06-06")


def test_the_next_opening_is_on_a_later_date_though_the_clock_went_back() -> None:
    opened = date(2026, 6, 5)
    assert next_opening(timetable(), utc("2026-05-05 12:00"), after_date=opened) == opening("2026-06-06")
    assert next_opening(timetable(), utc("2026-06-20 12:00"), after_date=opened) == opening("2026-06-21")


def test_an_instant_may_come_in_any_zone() -> None:
    tokyo = datetime(2026, 6, 5, 15, 59, tzinfo=zone("Asia/Tokyo"))
    assert next_opening(timetable(), tokyo) == opening("2026-06-05")


def test_a_pause_until_a_date_ends_on_that_date() -> None:
    away = timetable(paused_until=date(2026, 9, 1))
    assert opening_on(away, date(2026, 8, 31)) is None
    assert next_opening(away, utc("2026-06-05 12:00")) == opening("2026-09-01")


def test_a_pause_for_good_has_no_next_opening_though_its_dates_are_planned() -> None:
    paused = timetable(paused=True)
    assert next_opening(paused, utc("2026-06-05 12:00")) is None
    assert opening_on(paused, date(2026, 6, 6)) == opening("2026-06-06")


@pytest.mark.parametrize("days", [frozenset[int](), frozenset({7})])
def test_without_days_there_is_never_an_opening(days: frozenset[int]) -> None:
    assert next_opening(timetable(days=days), utc("2026-06-05 12:00")) is None


def test_ten_years_of_days_off_are_searched_through() -> None:
    mondays = frozenset(date(2026, 6, 8) + timedelta(weeks=week) for week in range(520))
    following = next_opening(timetable(days=frozenset({0}), days_off=mondays), utc("2026-06-05 12:00"))
    assert following == opening("2036-05-26")


def test_a_pause_for_centuries_is_found_at_once() -> None:
    away = timetable(paused_until=date(9000, 1, 1))
    assert next_opening(away, utc("2026-06-05 12:00")) == opening("9000-01-01")


@pytest.mark.parametrize("place", ["Etc/GMT+12", "Pacific/Kiritimati", "Europe/Berlin"])
def test_the_ends_of_the_calendar_are_no_trap(place: str) -> None:
    drill = timetable("23:59", place)
    assert next_opening(replace(drill, paused_until=date.max), utc("2026-06-05 12:00")) is None
    assert next_opening(drill, datetime.max.replace(tzinfo=UTC), after_date=date.max) is None
    assert opening_on(drill, date.max) is None
    assert opening_on(drill, date.min) is None
    assert next_opening(drill, datetime.min.replace(tzinfo=UTC)) is not None
    assert next_opening(drill, datetime.min.replace(tzinfo=UTC), after_date=date(2026, 6, 5)) is not None


# --- closing ------------------------------------------------------------------------------------------------


def test_a_round_closes_when_the_next_one_opens() -> None:
    assert closing_of(timetable(), opening("2026-06-05")) == opening("2026-06-06").at


def test_over_a_weekend_it_stays_open() -> None:
    assert closing_of(timetable(days=WEEKDAYS), opening("2026-06-05")) == opening("2026-06-08").at


def test_it_may_close_at_a_local_time() -> None:
    until_five = timetable(closing=Closing(at=time(17, 0)))
    assert closing_of(until_five, opening("2026-06-05")) == utc("2026-06-05 15:00")


def test_a_closing_time_earlier_in_the_day_means_the_day_after() -> None:
    until_eight = timetable(closing=Closing(at=time(8, 0)), days=WEEKDAYS)
    assert closing_of(until_eight, opening("2026-06-05")) == utc("2026-06-06 06:00")


def test_a_closing_time_equal_to_the_opening_time_means_a_day() -> None:
    until_nine = timetable(closing=Closing(at=NINE), days=WEEKDAYS)
    assert closing_of(until_nine, opening("2026-06-05")) == utc("2026-06-06 07:00")


def test_a_closing_time_that_is_skipped_is_when_the_clocks_jump() -> None:
    until_half_past_two = timetable("20:00", closing=Closing(at=time(2, 30)))
    assert closing_of(until_half_past_two, opening("2026-03-28", "20:00")) == utc("2026-03-29 01:00")


def test_an_opening_and_a_closing_in_the_same_skipped_hour_are_a_day_apart() -> None:
    night = timetable("02:15", closing=Closing(at=time(2, 45)))
    assert closing_of(night, opening("2026-03-29", "02:15")) == opening("2026-03-30", "02:15").at


def test_a_closing_time_that_comes_twice_closes_the_first_time_after_the_opening() -> None:
    evening = timetable("20:00", closing=Closing(at=time(2, 30)))
    assert closing_of(evening, opening("2026-10-24", "20:00")) == utc("2026-10-25 00:30")
    night = timetable("02:30", closing=Closing(at=time(2, 15)))
    assert closing_of(night, opening("2026-10-25", "02:30")) == utc("2026-10-25 01:15")


def test_hours_are_hours_on_the_night_the_clocks_change() -> None:
    eight_hours = timetable("20:00", closing=Closing(after_hours=8))
    started = opening("2026-03-28", "20:00")
    assert closing_of(eight_hours, started) == started.at + timedelta(hours=8)


@pytest.mark.parametrize("closing", [Closing(after_hours=168), Closing(at=time(8, 59)), Closing(at=NINE)])
def test_no_round_outlasts_the_next_opening(closing: Closing) -> None:
    moved_up = timetable("07:00", closing=closing)
    opened_late = opening("2026-06-05")
    assert closing_of(moved_up, opened_late) == opening("2026-06-06", "07:00").at


def test_a_pause_for_good_leaves_a_round_its_close() -> None:
    over_the_weekend = timetable(days=WEEKDAYS, paused=True)
    assert closing_of(over_the_weekend, opening("2026-06-05")) == opening("2026-06-08").at


def test_with_nothing_to_follow_a_round_closes_after_a_day() -> None:
    opened = opening("2026-06-05")
    assert closing_of(timetable(days=frozenset()), opened) == opened.at + timedelta(hours=24)


# --- reveal and lateness ------------------------------------------------------------------------------------


def test_the_reveal_follows_the_close() -> None:
    assert reveal_of(timetable(), utc("2026-06-06 07:00")) == utc("2026-06-06 07:00")


@pytest.mark.parametrize(
    ("reveal_at", "revealed"),
    [("10:00", "2026-06-06 08:00"), ("09:00", "2026-06-06 07:00"), ("08:00", "2026-06-07 06:00")],
)
def test_the_reveal_waits_for_its_local_time(reveal_at: str, revealed: str) -> None:
    drill = timetable(reveal_at=time.fromisoformat(reveal_at))
    assert reveal_of(drill, utc("2026-06-06 07:00")) == utc(revealed)


def test_a_reveal_time_that_comes_twice_is_not_missed_the_second_time() -> None:
    drill = timetable(reveal_at=time(2, 30))
    assert reveal_of(drill, utc("2026-10-25 01:15")) == utc("2026-10-25 01:30")


def test_a_reveal_time_comes_again_when_the_clocks_go_back_to_yesterday() -> None:
    drill = timetable("00:00", "America/St_Johns", reveal_at=time(23, 30))
    past_midnight = opening("2010-11-07", "00:00", "America/St_Johns").at + timedelta(seconds=30)
    assert past_midnight == utc("2010-11-07 02:30:30")  # half a minute before it is 23:01 again
    assert reveal_of(drill, past_midnight) == utc("2010-11-07 03:00")


def test_a_round_is_worth_opening_while_half_of_its_time_is_left() -> None:
    opens_at, closes_at = utc("2026-06-05 07:00"), utc("2026-06-06 07:00")
    assert still_worth_opening(opens_at, closes_at, opens_at)
    assert still_worth_opening(opens_at, closes_at, utc("2026-06-05 19:00"))
    assert not still_worth_opening(opens_at, closes_at, utc("2026-06-05 19:00:01"))
    assert not still_worth_opening(opens_at, closes_at, utc("2026-06-07 07:00"))


def test_instants_without_a_zone_are_refused_with_the_reason() -> None:
    naive = datetime(2026, 6, 5, 9)  # noqa: DTZ001
    aware = utc("2026-06-05 09:00")
    nameless = Opening(on=date(2026, 6, 5), at=naive)
    with pytest.raises(ValueError, match="after needs a time zone"):
        next_opening(timetable(), naive)
    with pytest.raises(ValueError, match="after needs a time zone"):
        next_opening(timetable(paused=True), naive)
    with pytest.raises(ValueError, match=r"opening\.at needs a time zone"):
        closing_of(timetable(), nameless)
    with pytest.raises(ValueError, match="closes_at needs a time zone"):
        reveal_of(timetable(), naive)
    with pytest.raises(ValueError, match="now needs a time zone"):
        still_worth_opening(aware, aware, naive)
    with pytest.raises(ValueError, match="now needs a time zone"):
        next_after_change(timetable(), last=None, owed=None, now=naive)
    with pytest.raises(ValueError, match=r"last\.at needs a time zone"):
        next_after_change(timetable(), last=nameless, owed=None, now=aware)


# --- a changed timetable ------------------------------------------------------------------------------------


def test_a_new_time_later_today_does_not_ask_twice_today() -> None:
    following = next_after_change(
        timetable("18:00"),
        last=opening("2026-06-05"),
        owed=opening("2026-06-06"),
        now=utc("2026-06-05 10:00"),
    )
    assert following == opening("2026-06-06", "18:00")


def test_a_new_time_that_has_passed_today_still_owes_today() -> None:
    following = next_after_change(
        timetable("07:00"),
        last=opening("2026-06-05"),
        owed=opening("2026-06-06"),
        now=utc("2026-06-06 06:00"),
    )
    assert following == opening("2026-06-06", "07:00")


def test_a_day_that_was_not_owed_and_whose_time_has_passed_is_let_go() -> None:
    following = next_after_change(
        timetable("07:00"), last=None, owed=opening("2026-06-08"), now=utc("2026-06-06 06:00")
    )
    assert following == opening("2026-06-07", "07:00")


def test_a_date_brought_within_six_hours_of_the_last_opening_is_let_go() -> None:
    late = opening("2026-06-05", "23:00")

    def moved(at: str) -> Opening | None:
        return next_after_change(
            timetable(at), last=late, owed=opening("2026-06-06", "23:00"), now=utc("2026-06-05 21:30")
        )

    assert moved("04:59") == opening("2026-06-07", "04:59")
    assert moved("05:00") == opening("2026-06-06", "05:00")


def test_a_move_to_the_far_east_neither_repeats_a_date_nor_drops_one() -> None:
    samoa = opening("2026-03-09", "00:00", "Pacific/Pago_Pago")
    owed = opening("2026-03-10", "00:00", "Pacific/Pago_Pago")
    kiritimati = timetable("00:00", "Pacific/Kiritimati")
    a_minute_before = owed.at - timedelta(minutes=1)
    # The 10th came to Kiritimati before the 9th came to Samoa; the 11th is an hour old there.
    following = next_after_change(kiritimati, last=samoa, owed=owed, now=a_minute_before)
    assert following == opening("2026-03-11", "00:00", "Pacific/Kiritimati")
    assert following.at < a_minute_before


def test_a_move_to_the_far_west_waits_for_the_date_to_come_round() -> None:
    kiritimati = opening("2026-03-10", "09:00", "Pacific/Kiritimati")
    owed = opening("2026-03-11", "09:00", "Pacific/Kiritimati")
    samoa = timetable("09:00", "Pacific/Pago_Pago")
    following = next_after_change(samoa, last=kiritimati, owed=owed, now=kiritimati.at)
    assert following == opening("2026-03-11", "09:00", "Pacific/Pago_Pago")


def test_a_change_while_paused_plans_nothing() -> None:
    now = utc("2026-06-05 10:00")
    assert next_after_change(timetable(paused=True), last=None, owed=opening("2026-06-06"), now=now) is None


def test_a_first_timetable_starts_with_the_next_time_of_day() -> None:
    now = utc("2026-06-05 10:00")
    one = opening("2026-06-05", "13:00")
    assert next_after_change(timetable("13:00"), last=None, owed=None, now=now) == one
    assert next_after_change(timetable("09:00"), last=None, owed=None, now=now) == opening("2026-06-06")


# --- drills that live through all of it ---------------------------------------------------------------------


@dataclass
class PlayedDrill:
    """A drill as the program runs it: each tick deals with what is due, and setup plans anew."""

    timetable: Timetable
    now: datetime
    next: Opening | None = None
    dealt: list[Opening] = field(default_factory=list)
    too_soon: set[date] = field(default_factory=set)
    """Dates that a change brought within six hours of the last opening."""

    @property
    def last(self) -> Opening | None:
        return self.dealt[-1] if self.dealt else None

    def tick(self) -> None:
        while self.next is not None and self.next.at <= self.now:
            self.dealt.append(self.next)
            self.next = next_opening(self.timetable, self.next.at, after_date=self.next.on)

    def change(self, new: Timetable) -> None:
        self.timetable = new
        if self.last is not None:
            for days in range(1, 4):
                moved = opening_on(replace(new, paused=False), self.last.on + timedelta(days=days))
                if moved is not None and moved.at < self.last.at + timedelta(hours=6):
                    self.too_soon.add(moved.on)
        self.next = next_after_change(new, last=self.last, owed=self.next, now=self.now)


TIMES = st.sampled_from(
    [time(0, 0), time(1, 30), time(2, 0), time(2, 30), NINE, time(23, 30), time(23, 59)]
) | st.builds(time, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(
    ["Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin", "America/Nuuk", "Africa/Cairo"]
) | st.sampled_from(zone_names())
# Beginnings shortly before the clocks change in most of the zones above.
STARTS = st.sampled_from(
    [utc("2026-03-27 12:00"), utc("2026-04-23 01:00"), utc("2026-10-24 00:00"), utc("2026-10-29 13:00")]
) | st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DAYS = st.sets(st.integers(0, 6), min_size=1).map(frozenset)

WAITS = st.tuples(st.just("wait"), st.integers(0, 60 * 60))
JUMPS = st.tuples(st.just("jump"), st.integers(-10 * 24 * 60, 10 * 24 * 60))
MOVES = st.tuples(st.just("move"), TIMES, ZONES)
PAUSES = st.tuples(st.just("pause"), st.integers(0, 5))
RESUMES = st.just(("resume",))

fixed = settings(
    derandomize=True,  # the same examples on every machine
    database=None,
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow],
)


def play(drill: PlayedDrill, step: tuple[object, ...]) -> None:
    """One thing happens to the drill; the program ticks only when time passes."""
    match step:
        case ("wait" | "jump", int(minutes)):
            drill.now += timedelta(minutes=minutes)
            drill.tick()
        case ("jump unseen", int(minutes)):
            drill.now += timedelta(minutes=minutes)
        case ("move", time() as at, str(name)):
            drill.change(replace(drill.timetable, at=at, zone=name))
        case ("plan", frozenset() as days):
            drill.change(replace(drill.timetable, days=days))
        case ("pause", 0):
            drill.change(replace(drill.timetable, paused=True))
        case ("pause", int(days)):
            until = drill.now.date() + timedelta(days=days)
            drill.change(replace(drill.timetable, paused_until=until))
        case ("resume",):
            drill.change(replace(drill.timetable, paused=False, paused_until=None))
        case _:
            raise AssertionError(step)


def assert_dates_only_grow(drill: PlayedDrill) -> None:
    planned = [*drill.dealt, *([drill.next] if drill.next else [])]
    for one, following in pairwise(planned):
        assert one.on < following.on
        assert following.at - one.at >= timedelta(hours=6)


@fixed
@given(
    start=STARTS,
    at=TIMES,
    name=ZONES,
    days=DAYS,
    days_off=st.sets(st.integers(0, 15)),
    steps=st.lists(WAITS | JUMPS | MOVES | st.tuples(st.just("jump unseen"), st.integers(-3000, 3000)), max_size=25),
)
def test_through_moves_and_clock_jumps_each_planned_date_is_dealt_with_exactly_once(
    start: datetime,
    at: time,
    name: str,
    days: frozenset[int],
    days_off: set[int],
    steps: list[tuple[object, ...]],
) -> None:
    off = frozenset(start.date() + timedelta(days=number) for number in days_off)
    drill = PlayedDrill(Timetable(at=at, zone=name, days=days, days_off=off), start)
    drill.change(drill.timetable)
    promised = drill.next
    assert promised is not None
    for step in steps:
        play(drill, step)
        assert_dates_only_grow(drill)
    drill.now = max(drill.now, start) + timedelta(days=40)
    drill.tick()
    assert_dates_only_grow(drill)

    dealt = {opening.on for opening in drill.dealt}
    assert drill.next is not None
    assert drill.next.at > drill.now
    assert drill.dealt[0].on <= promised.on
    between = (drill.next.on - drill.dealt[0].on).days
    for number in range(between):
        on = drill.dealt[0].on + timedelta(days=number)
        if on.weekday() in days and on not in off:
            assert on in dealt or on in drill.too_soon
        else:
            assert on not in dealt


@fixed
@given(
    start=STARTS,
    at=TIMES,
    name=ZONES,
    steps=st.lists(
        WAITS | JUMPS | MOVES | PAUSES | RESUMES | st.tuples(st.just("plan"), DAYS), min_size=3, max_size=25
    ),
)
def test_whatever_an_organizer_does_no_date_has_two_rounds_and_a_resumed_drill_goes_on(
    start: datetime, at: time, name: str, steps: list[tuple[object, ...]]
) -> None:
    drill = PlayedDrill(Timetable(at=at, zone=name), start)
    drill.change(drill.timetable)
    for step in steps:
        before = len(drill.dealt)
        was_paused = drill.timetable.paused
        play(drill, step)
        assert_dates_only_grow(drill)
        if was_paused:
            assert len(drill.dealt) == before
        for dealt in drill.dealt[before:]:
            assert dealt == opening_on(drill.timetable, dealt.on)
    play(drill, ("resume",))
    following = drill.next
    assert following is not None
    drill.now = max(drill.now, following.at)
    drill.tick()
    assert following in drill.dealt


@fixed
@given(start=STARTS, at=TIMES, name=ZONES, steps=st.lists(WAITS | JUMPS, min_size=1, max_size=25))
def test_without_changes_a_drill_follows_the_calendar_whatever_the_clock_does(
    start: datetime, at: time, name: str, steps: list[tuple[object, ...]]
) -> None:
    drill = PlayedDrill(Timetable(at=at, zone=name), start)
    drill.next = next_opening(drill.timetable, start)
    assert drill.next is not None
    first = drill.next.on
    for step in steps:
        play(drill, step)
    assert [opening.on for opening in drill.dealt] == [
        first + timedelta(days=number) for number in range(len(drill.dealt))
    ]
    for one in drill.dealt:
        assert one == opening_on(drill.timetable, one.on)


@fixed
@given(
    start=STARTS,
    at=TIMES,
    name=ZONES,
    days=DAYS,
    closing=st.just(Closing()) | st.builds(Closing, at=TIMES) | st.builds(Closing, after_hours=st.integers(1, 168)),
    reveal_at=st.none() | TIMES,
)
def test_every_round_closes_after_it_opens_and_before_the_next_one_and_is_then_revealed(
    start: datetime, at: time, name: str, days: frozenset[int], closing: Closing, reveal_at: time | None
) -> None:
    drill = Timetable(at=at, zone=name, days=days, closing=closing, reveal_at=reveal_at)
    opened = next_opening(drill, start)
    assert opened is not None
    following = next_opening(drill, opened.at, after_date=opened.on)
    assert following is not None
    closes_at = closing_of(drill, opened)
    assert opened.at < closes_at <= following.at
    if closing == Closing():
        assert closes_at == following.at
    revealed = reveal_of(drill, closes_at)
    assert closes_at <= revealed <= closes_at + timedelta(hours=26)
    if reveal_at is None:
        assert revealed == closes_at
