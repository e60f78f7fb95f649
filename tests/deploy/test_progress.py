"""What a person sees while a command works."""

import io

import pytest

from deploy.child import mend_for, run
from deploy.progress import Progress, Step, Trouble, seconds, tail


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_steps_are_counted_and_timed():
    out, clock = io.StringIO(), Clock()
    progress = Progress(2, out=out, clock=clock)
    with progress.step("First") as step:
        clock.now = 46.0
        step.note = "made"
    with progress.step("Second"):
        pass
    assert out.getvalue().splitlines() == ["[1/2] First: done (made, 46 s)", "[2/2] Second: done (0.0 s)"]


def test_a_long_step_shows_that_it_lives_even_in_a_log():
    out, clock = io.StringIO(), Clock()
    step = Step("[1/1] Long", out=out, clock=clock)
    for _ in range(50):
        clock.now += 1
        step.tick()
    assert out.getvalue().splitlines() == ["      still at it, 20 s", "      still at it, 40 s"]


def test_a_step_that_fails_says_so():
    out = io.StringIO()
    with pytest.raises(KeyError), Progress(1, out=out, clock=Clock()).step("Only"):
        raise KeyError
    assert "Only: FAILED" in out.getvalue()


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0.0 s"), (46.4, "46 s"), (135, "2 min 15 s"), (3600, "60 min 0 s")]
)
def test_a_duration_reads_well(value, text):
    assert seconds(value) == text


def test_a_failing_child_shows_its_last_lines(tmp_path):
    step = Step("x", out=io.StringIO(), clock=Clock())
    log = tmp_path / "child.log"
    with pytest.raises(Trouble) as caught:
        run(["sh", "-c", "seq 1 100; echo the reason; exit 3"], step, log=log, what="it failed")
    text = str(caught.value)
    assert "it failed (exit code 3)" in text
    assert "| the reason" in text
    assert "| 50\n" not in text
    assert "Mend: " in text


def test_a_missing_program_is_named(tmp_path):
    step = Step("x", out=io.StringIO(), clock=Clock())
    with pytest.raises(Trouble, match="there is no no-such-program"):
        run(["no-such-program"], step, log=tmp_path / "log", what="it failed")


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("ERROR: [Errno 28] No space left on device", "the disk is full"),
        ("npm error code EAI_AGAIN", "a download failed"),
        ("ModuleNotFoundError: No module named 'flask'", "the environment is damaged"),
        ("Error: JINGWEI_PROT is no setting of Jingwei; known are: ...", "unset or correct that variable"),
        ("anything else", "usual"),
    ],
)
def test_the_mend_fits_what_the_log_says(line, mend):
    assert mend_for(["before", line], "usual").startswith(mend)


def test_the_tail_of_a_log_begins_with_the_last_command(tmp_path):
    log = tmp_path / "log"
    log.write_text("$ one\nold reason\n\n$ two\nnew reason\n")
    assert tail(log) == ["$ two", "new reason"]


def test_the_tail_of_a_log_that_is_not_there_is_empty(tmp_path):
    assert tail(tmp_path / "none") == []
