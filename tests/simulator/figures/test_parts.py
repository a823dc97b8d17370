"""The division of a recovery's time into its parts, by hand."""

from drsim.simulator.figures.parts import JobSpan, divided
from drsim.simulator.figures.table import PART_NAMES


def parts(known_us: int, look_us: int | None, written_us: int, *spans: JobSpan, began_us: int = 0) -> dict[str, int]:
    """The parts that are not 0, by name."""
    found = divided(began_us, known_us, look_us, written_us, spans)
    assert sum(found) == written_us - began_us
    return {name: us for name, us in zip(PART_NAMES, found, strict=True) if us}


def test_each_phase_of_one_job_is_a_part() -> None:
    assert parts(90, 100, 103, JobSpan(2, 12, 32, 72, 90)) == {
        "no_job": 2,
        "snapshot": 10,
        "conversion": 20,
        "launch": 40,
        "launch_actions": 18,
        "waiting": 10,
        "detection": 3,
    }


def test_waves_in_sequence_add_up_with_the_pause_between_them() -> None:
    first, second = JobSpan(1, 5, 10, 20, 20), JobSpan(26, 30, 40, 60, 60)
    found = parts(60, 60, 61, second, first)
    assert found == {"no_job": 1 + 6, "snapshot": 4 + 4, "conversion": 5 + 10, "launch": 10 + 20, "detection": 1}


def test_waves_in_any_order_of_the_table_add_up_in_the_order_of_time() -> None:
    waves = JobSpan(0, 2, 3, 10, 10), JobSpan(12, 13, 15, 20, 20), JobSpan(22, 25, 26, 30, 30)
    assert parts(30, 30, 30, waves[2], waves[0], waves[1]) == {
        "no_job": 4, "snapshot": 6, "conversion": 4, "launch": 16
    }  # fmt: skip


def test_job_of_a_later_wave_does_not_count_for_an_earlier_one() -> None:
    found = parts(10, 11, 12, JobSpan(0, 2, 3, 10, 10), JobSpan(12, 13, 15, 20, 20))
    assert found == {"snapshot": 2, "conversion": 1, "launch": 7, "waiting": 1, "detection": 1}


def test_of_jobs_at_once_the_one_that_ended_last_counts() -> None:
    short, long = JobSpan(0, 5, 10, 20, 20), JobSpan(0, 50, 60, 90, 90)
    assert parts(90, 95, 96, long, short) == {
        "snapshot": 50, "conversion": 10, "launch": 30, "waiting": 5, "detection": 1
    }  # fmt: skip


def test_look_before_the_truth_leaves_no_wait() -> None:
    assert parts(50, 48, 52, JobSpan(0, 0, 0, 50, 50)) == {"launch": 50, "detection": 2}


def test_unknown_look_counts_all_after_the_truth_as_detection() -> None:
    assert parts(50, None, 70, JobSpan(0, 0, 0, 50, 50)) == {"launch": 50, "detection": 20}


def test_end_written_before_the_truth_has_neither_wait_nor_detection() -> None:
    never = 1 << 62
    assert parts(never, 30, 40, JobSpan(0, 10, never, never, never)) == {"snapshot": 10, "conversion": 30}


def test_recovery_without_a_job_is_one_part() -> None:
    assert parts(0, 30, 40) == {"waiting": 30, "detection": 10}
    assert parts(1 << 62, 30, 40, began_us=5) == {"no_job": 35}
