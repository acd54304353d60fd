"""The command `maou`, as installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.feather as feather
import pytest
from conftest import Run, make_table, write_feather

import maou


def test_the_version_says_what_was_built(run: Run) -> None:
    info = maou.build_info()
    expected = f"maou {info['version']} (commit {info['commit']}, {info['profile']}, {info['abi']})"
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, expected + "\n")


def test_without_a_command_the_arguments_are_wrong(run: Run) -> None:
    result = run()
    assert result.returncode == 2
    assert result.stderr.startswith("usage: maou")


@pytest.mark.parametrize("command", ["info", "merge", "find"])
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"usage: maou {command}" in result.stdout


def test_info_describes_files_and_directories(run: Run, tmp_path: Path) -> None:
    write_feather(make_table(3000), tmp_path / "a.arrow")
    write_feather(make_table(0), tmp_path / "b.arrow", "none")
    result = run("info", tmp_path)
    assert result.returncode == 0
    assert f"{tmp_path}/a.arrow\n  rows         3,000 in 1 batches\n" in result.stdout
    assert "date         2019-04-14 to 2019-04-16" in result.stdout
    assert "1,000 wins, 1,000 draws, 1,000 losses" in result.stdout
    assert run("info", "a.arrow", "b.arrow").stdout == result.stdout.replace(f"{tmp_path}/", "")


def test_info_prints_json_lines(run: Run, tmp_path: Path) -> None:
    write_feather(make_table(3000), tmp_path / "a.arrow")
    write_feather(make_table(0), tmp_path / "b.arrow", "zstd")
    first, second = map(json.loads, run("info", "--json", tmp_path).stdout.splitlines())
    assert first["rows"] == 3000
    assert first["results"] == {"win": 1000, "draw": 1000, "loss": 1000}
    assert first["date"] == ["2019-04-14", "2019-04-16"]
    assert (second["eval"], second["date"], second["rows"]) == (None, None, 0)


def test_merge_writes_one_file(run: Run, tmp_path: Path) -> None:
    write_feather(make_table(10), tmp_path / "a.arrow")
    write_feather(make_table(5, first=10), tmp_path / "b.arrow")
    result = run("merge", "-o", "out.arrow", "a.arrow", "b.arrow", "--compression", "zstd")
    assert (result.returncode, result.stdout) == (0, "out.arrow: 15 rows\n")
    assert feather.read_table(tmp_path / "out.arrow").equals(make_table(15))


def test_merge_writes_files_of_equal_size(run: Run, tmp_path: Path) -> None:
    write_feather(make_table(10), tmp_path / "a.arrow")
    result = run("merge", "-o", "out", "a.arrow", "--rows-per-file", "4")
    assert (result.returncode, result.stdout) == (0, "out: 3 files\n")
    assert len(list((tmp_path / "out").iterdir())) == 3
    again = run("merge", "-o", "out", "a.arrow", "--rows-per-file", "4")
    assert again.returncode == 1
    assert again.stderr == "maou: error: out: exists and is not an empty directory\n"


def test_find_prints_files_and_rows(run: Run, tmp_path: Path) -> None:
    write_feather(make_table(1000), tmp_path / "a.arrow")
    path = tmp_path / "a.arrow"
    result = run("find", tmp_path, "--id", "7", "--id", 3, "--id", 5000)
    assert (result.returncode, result.stdout) == (0, f"{path}\t3\n{path}\t7\n")
    result = run("find", tmp_path, "--id", 3, "--json")
    assert json.loads(result.stdout) == {"file": str(path), "row": 3}
    expected = maou.Index(tmp_path).find_evals(-50, 50)
    result = run("find", tmp_path, "--eval=-50:50")
    assert result.stdout == "".join(f"{path}\t{row}\n" for _, row in expected)
    assert len(run("find", tmp_path, "--eval", ":", "--limit", 7).stdout.splitlines()) == 7


@pytest.mark.parametrize(
    "arguments",
    [
        ["find", "."],
        ["find", ".", "--id", "1", "--eval", "1:2"],
        ["find", ".", "--id", "-1"],
        ["find", ".", "--id", "x"],
        ["find", ".", "--eval", "5"],
        ["find", ".", "--eval", "5:4"],
        ["find", ".", "--eval", "0:40000"],
        ["merge", "a.arrow"],
        ["merge", "-o", "b.arrow", "a.arrow", "--rows-per-file", "0"],
        ["merge", "-o", "b.arrow", "a.arrow", "--compression", "gzip"],
        ["info"],
        ["unknown"],
    ],
)
def test_wrong_arguments_are_code_2(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "error: " in result.stderr


def test_failures_are_code_1_and_one_line(run: Run, tmp_path: Path) -> None:
    write_feather(make_table(10), tmp_path / "a.arrow")
    (tmp_path / "bad.arrow").write_text("nothing")
    for arguments, message in [
        (["info", "none.arrow"], "none.arrow: No such file or directory"),
        (["info", "bad.arrow"], "bad.arrow: not an Arrow IPC file: it does not start with `ARROW1`"),
        (["merge", "-o", "a.arrow", "a.arrow"], "a.arrow: is an input, so it cannot be the output as well"),
        (["find", "none", "--id", "1"], "none: No such file or directory"),
        (["find", ".", "--id", "1"], "./bad.arrow: not an Arrow IPC file: it does not start with `ARROW1`"),
    ]:
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == f"maou: error: {message}\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes close otherwise there")
def test_a_reader_that_stops_early_is_no_error(maou_command: str, tmp_path: Path) -> None:
    write_feather(make_table(100_000), tmp_path / "a.arrow")
    command = [maou_command, "find", str(tmp_path), "--eval", ":"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().endswith(b"\t0\n")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals are otherwise there")
def test_ctrl_c_ends_a_merge_and_leaves_nothing(maou_command: str, tmp_path: Path) -> None:
    write_feather(make_table(200_000), tmp_path / "a.arrow")
    # Far more than can be merged before the signal arrives.
    command = [maou_command, "merge", "-o", "out.arrow", "--compression", "zstd"] + ["a.arrow"] * 2000
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job, as `nohup pytest &`, ignores the signal, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while not list(tmp_path.glob(".out.arrow.*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, "maou: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.arrow"]


def test_the_module_runs_as_well() -> None:
    result = subprocess.run([sys.executable, "-m", "maou.cli", "--version"], capture_output=True)
    assert result.returncode == 0
