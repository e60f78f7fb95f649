"""The table of who is told of what."""

from datetime import timedelta
from string import Formatter

from app import i18n
from app.cases.rules import ENDED, RULES, Status, Step
from app.identity.rules import Role
from app.notices.rules import (
    DEFAULTS,
    GIVEN_UP_AFTER,
    KIND_WORDS,
    MOST_TRIES,
    OWNERS,
    SILENT,
    TELLINGS,
    Channel,
    Happened,
    NoticeKind,
    Whom,
    text_of,
    to_tell,
    wait_after,
)
from app.notices.words import said


def test_every_step_is_told_or_silent():
    assert set(TELLINGS) | SILENT == set(Step)
    assert not set(TELLINGS) & SILENT


def test_every_open_status_has_somebody_who_is_told():
    assert set(OWNERS) == set(Status) - ENDED
    assert Whom.OWNER not in OWNERS.values()


def test_an_owner_is_named_by_the_status_and_nobody_is_when_it_ended():
    for status, whom in OWNERS.items():
        [one] = to_tell([Happened(1, Step.URGE, status)])
        assert one.whom is whom
    assert to_tell([Happened(1, Step.URGE, Status.CLOSED)]) == []


def test_whoever_is_behind_a_case_reads_its_number_and_no_more():
    for tellings in TELLINGS.values():
        for telling in tellings:
            fields = {name for _, name, _, _ in Formatter().parse(telling.text) if name}
            assert fields == ({"no"} if telling.whom is Whom.PERSON else {"no", "type"}), telling.text
            assert (telling.kind is NoticeKind.PROGRESS) == (telling.whom is Whom.PERSON)


def test_no_kind_is_told_twice_to_one_of_the_same_step():
    for step, tellings in TELLINGS.items():
        told = [(telling.kind, telling.whom) for telling in tellings]
        assert len(told) == len(set(told)), step


def test_every_text_has_an_english_one_with_the_same_fields():
    for tellings in TELLINGS.values():
        for telling in tellings:
            english = str(i18n.english()[telling.text].string)
            fields = [{name for _, name, _, _ in Formatter().parse(text) if name}
                      for text in (telling.text, english)]  # fmt: skip
            assert fields[0] == fields[1], telling.text


def test_a_notice_of_an_older_version_still_has_its_number():
    data = {"step": "gone", "no": "2103022026090100001", "type_zh": "", "type_en": ""}
    assert said("progress", data, "zh") == "案件 2103022026090100001 有新进展。"
    assert text_of("gone", "accept") == text_of("progress", "gone")


def test_a_delivery_waits_a_minute_then_doubles_to_an_hour_and_is_given_up_after_three_days():
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES)]
    assert waits[:7] == [timedelta(minutes=m) for m in (1, 2, 4, 8, 16, 32, 60)]
    assert max(waits) == wait_after(10_000) == timedelta(hours=1)
    assert GIVEN_UP_AFTER <= sum(waits, timedelta()) < GIVEN_UP_AFTER + timedelta(hours=1)


def test_every_kind_has_words_channels_and_a_use():
    used = {telling.kind for tellings in TELLINGS.values() for telling in tellings}
    assert set(KIND_WORDS) == set(DEFAULTS) == used == set(NoticeKind)
    assert all(Channel.APP in channels for channels in DEFAULTS.values())


def test_the_desks_have_the_names_of_roles():
    desks = (Whom.OPERATORS, Whom.SHIFT_LEADERS, Whom.DISPATCHERS, Whom.COMMITTEE)
    assert {Role(desk.value) for desk in desks}


def test_every_step_that_ends_a_case_tells_the_person_behind_it():
    ending = {step for (_, step), rule in RULES.items() if rule.to in ENDED} - {Step.WITHDRAW}
    for step in ending:
        assert any(telling.whom is Whom.PERSON for telling in TELLINGS[step]), step
