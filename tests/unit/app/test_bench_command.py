import json
import os

import pytest

from livewidget.app import bench_command
from livewidget.app.bench.loads import Kind, Load
from livewidget.app.bench.saved import Run
from livewidget.app.main import main
from livewidget.data.errors import MissingExtraError


class Machine:
    """A machine of one load, beside the yardstick: how long each takes is set by the test."""

    def __init__(self):
        self.took = 1.0
        self.yardstick = 1.0
        self.rounds = 0

    def work(self):
        self.rounds += 1
        return (self.took * (1 + self.rounds % 5 / 100), 1e6 / self.took)

    def loads(self, size):
        kinds = [Kind("frame", "a frame", "ms"), Kind("rate", "a rate", "rows/s", more=True)]
        own = [Kind("machine", "the machine itself", "ms")]
        return {
            "machine": Load(own, lambda _: lambda: (self.yardstick,)),
            "work": Load(kinds, lambda _: self.work),
        }


def lacking(_):
    raise MissingExtraError("pyarrow", "store")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    it = Machine()
    monkeypatch.setattr("livewidget.app.bench.loads.loads", it.loads)
    store = {"store": Load([Kind("store", "a store", "ms")], lacking)}
    monkeypatch.setattr("livewidget.app.bench.live_loads.live_loads", lambda size: store)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return it


@pytest.fixture
def bench(machine, capsys):
    def run(*options):
        code = main(["bench", "--rounds", "8", *map(str, options)])
        return code, *capsys.readouterr()

    return run


def test_a_run_is_told_in_a_table(bench):
    code, out, err = bench()
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["figure", "median", "quartiles", "rounds"]
    assert lines[2].startswith("a frame")
    assert lines[2].endswith(" 8")
    assert "Python 3" in lines[-1]
    assert "store was left out: pyarrow is not installed" in err


def test_what_became_slower_is_flagged_and_ends_with_1(bench, machine):
    assert bench("--save", "before")[0] == 0
    machine.took = 1.5
    code, out, _ = bench("--compare", "before")
    assert code == 1
    frame, rate = (line.split("  ")[-1].strip() for line in out.splitlines()[1:3])
    assert frame == rate == "slower"
    assert "now / before" in out


def test_what_became_faster_or_stayed_is_told_and_ends_with_0(bench, machine):
    bench("--save", "before")
    code, out, _ = bench("--compare", "before")
    assert (code, out.count("no difference found")) == (0, 2)
    machine.took = 0.5
    code, out, _ = bench("--compare", "before")
    assert (code, out.count("faster")) == (0, 2)


def test_a_run_may_be_compared_with_the_last_and_take_its_place(bench, machine):
    bench("--save", "last")
    machine.took = 2.0
    assert bench("--compare", "last", "--save", "last")[0] == 1
    assert bench("--compare", "last", "--save", "last")[0] == 0


def test_what_the_whole_machine_explains_is_no_regression(bench, machine):
    bench("--save", "before")
    machine.took = machine.yardstick = 1.5
    code, out, _ = bench("--compare", "before")
    assert code == 0
    assert out.count("cannot tell: the machine itself took 1.50 times as long") == 2
    assert "warning: the machine itself takes 1.50 times as long as then" in out


def test_few_rounds_cannot_tell(bench, machine):
    bench("--save", "before", "--rounds", 3)
    machine.took = 9.0
    code, out, _ = bench("--compare", "before", "--rounds", 3)
    assert (code, out.count("cannot tell: 3 rounds")) == (0, 2)


def test_json_holds_every_sample_and_the_findings(bench, machine, tmp_path):
    path = tmp_path / "runs" / "before.json"
    told = json.loads(bench("--save", path, "--json")[1])
    assert Run.from_json(told["run"], "it") == Run.load(path)
    assert len(told["run"]["figures"]["frame"]["samples"]) == 8
    machine.took = 2.0
    told = json.loads(bench("--compare", path, "--json")[1])["comparison"]
    assert told["regressions"] == ["frame", "rate"]
    assert told["figures"]["frame"]["verdict"] == "slower"
    assert told["figures"]["rate"]["ratio"] == pytest.approx(0.5)


def test_a_run_of_another_machine_or_version_is_warned_of(bench, tmp_path):
    path = tmp_path / "before.json"
    bench("--save", path)
    data = json.loads(path.read_text())
    data["machine"] |= {"cpu": "another", "numpy": "1.0"}
    data["figures"]["gone"] = data["figures"]["frame"]
    path.write_text(json.dumps(data))
    code, out, _ = bench("--compare", path)
    assert code == 0
    assert "warning: the run before is of another machine: cpu another then, " in out
    assert "note: numpy 1.0 then, " in out
    assert "note: only in one of the two: gone" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--compare", "nothing"], "nothing.json is not there; saved by name: none yet"),
        (["--size", "0"], "--size is a part of the standard work, above 0 and up to 1; got 0.0"),
        (["--size", "nan"], "--size is a part of the standard work"),
        (["--rounds", "0"], "--rounds is a whole number above 0, got 0"),
        (["--only", "work,play"], "--only takes some of machine, work, store; got 'play'"),
        (["--save", "/"], "/ cannot be written: Is a directory"),
        (["--save", "/dev/null/run.json"], "/dev/null/run.json cannot be written: "),
        (["--save", "a b"], "a run is saved under a name such as main"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_measured(bench, machine, options, said):
    code, out, err = bench(*options)
    assert (code, out, machine.rounds) == (2, "", 0)
    assert said in err
    assert err.count("\n") == 1


def test_a_run_of_another_size_is_not_compared(bench, machine):
    bench("--save", "small", "--size", "0.5")
    rounds = machine.rounds
    code, _, err = bench("--compare", "small")
    assert (code, machine.rounds) == (2, rounds)
    assert "the run before was measured with --size 0.5, this one has 1" in err


def test_a_run_with_no_figure_in_common_is_not_compared(bench, machine, tmp_path):
    path = tmp_path / "before.json"
    bench("--save", path)
    rounds = machine.rounds
    code, out, err = bench("--only", "store", "--compare", path)
    assert (code, out, machine.rounds) == (2, "", rounds)
    assert "has none of the figures that this one measures; it has machine, frame, rate" in err


def test_a_run_is_saved_through_a_link_and_over_nothing_but_a_file(bench, tmp_path):
    link, target, pipe = tmp_path / "latest.json", tmp_path / "run.json", tmp_path / "pipe.json"
    link.symlink_to(target)
    os.mkfifo(pipe)
    assert bench("--save", link)[0] == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["figures"]
    code, _, err = bench("--save", pipe)
    assert code == 2
    assert "pipe.json cannot be written: it is there and is no file" in err
    assert pipe.is_fifo()


def test_an_interrupt_leaves_what_was_saved_as_it_was(bench, machine, monkeypatch, tmp_path):
    path = tmp_path / "run.json"
    bench("--save", path)
    before = path.read_bytes()

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(machine, "work", interrupted)
    code, out, err = bench("--save", path)
    assert (code, out) == (130, "")
    assert err.endswith("interrupted: nothing was measured\n")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def test_the_yardstick_is_measured_whatever_is_chosen(bench):
    told = json.loads(bench("--only", "work", "--json")[1])
    assert list(told["run"]["figures"]) == ["machine", "frame", "rate"]


def test_progress_is_shown_on_a_terminal(bench, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    _, _, err = bench("--rounds", 1)
    assert "warming up · work" in err
    assert "round 1 of 1 at most · machine" in err


def test_a_quick_run_has_fewer_rounds_and_less_time(machine, monkeypatch):
    made = []
    real = bench_command._length
    monkeypatch.setattr(bench_command, "_length", lambda it: made.append(real(it)) or real(it))
    assert main(["bench", "--quick", "--json"]) == main(["bench", "--json"]) == 0
    (quick, quick_s), (whole, whole_s) = made
    assert quick < whole
    assert quick_s <= 12
    assert whole_s <= 52
