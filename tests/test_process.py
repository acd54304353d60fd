"""What the extension does to its process: the GIL, memory, forks, imports."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import MILLION, make_table, write_feather

import maou


@pytest.fixture
def no_forced_switch() -> Iterator[None]:
    """Python then never takes the GIL from a thread that does not give it up itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("name", ["read", "write", "merge", "reshard", "info", "Index"])
@pytest.mark.usefixtures("no_forced_switch")
def test_other_threads_run_meanwhile(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = write_feather(make_table(200_000), tmp_path / "in" / "a.arrow")
    records = maou.read(path)
    tries = iter(range(1000))
    work: Callable[[], object] = {
        "read": lambda: maou.read(path),
        "write": lambda: maou.write(records, tmp_path / "b.arrow"),
        "merge": lambda: maou.merge([path], tmp_path / "c.arrow"),
        "reshard": lambda: maou.reshard(
            [path], tmp_path / f"out-{next(tries)}", rows_per_file=100_000
        ),
        "info": lambda: maou.info(path),
        "Index": lambda: maou.Index(path.parent),
    }[name]
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0)  # gives up the GIL

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        # Nothing between the two looks at `ticks` gives up the GIL but the work itself. Whether
        # the other thread then gets a core is the system's choice, so there is more than one try.
        for _ in range(100):
            before = ticks
            work()
            if ticks > before:
                break
        else:
            pytest.fail("the GIL was never released")
    finally:
        done.set()
        ticker.join()


MERGE = """
import sys, maou

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

source, warm_up, output, copies = sys.argv[1:]
maou.merge([warm_up], output, compression="none")
before = peak()
maou.merge([source] * int(copies), output, compression="none")
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_merge_takes_memory_for_a_few_batches_only(tmp_path: Path) -> None:
    source = write_feather(make_table(MILLION // 2), tmp_path / "a.arrow", "none")
    warm_up = write_feather(make_table(100), tmp_path / "b.arrow", "none")
    arguments = [source, warm_up, tmp_path / "out.arrow", 16]
    command = [sys.executable, "-c", MERGE, *map(str, arguments)]
    growth = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    input_kib = 16 * source.stat().st_size // 1024
    # A batch has 3 MiB. The rest is what the allocator keeps: as much after 3 inputs as after 48.
    allowance_kib = 64 * 1024
    assert input_kib > 5 * allowance_kib
    assert int(growth) < allowance_kib
    assert maou.info(tmp_path / "out.arrow").rows == 8 * MILLION


def read_in_worker(path: Path) -> int:
    return len(maou.read(path))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_worker_reads_as_well(tmp_path: Path) -> None:
    """The threads that decode stay with the parent; a `DataLoader` forks its workers like this."""
    path = write_feather(make_table(100_000), tmp_path / "a.arrow")
    assert read_in_worker(path) == 100_000
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(read_in_worker, [path] * 4).get(timeout=30) == [100_000] * 4


def test_importing_maou_imports_no_pyarrow() -> None:
    code = "import sys, maou, maou.cli; assert not {'pyarrow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_submodules_can_be_imported_by_name() -> None:
    code = "import maou._rust.io; from maou._rust.index import Index; Index"
    subprocess.run([sys.executable, "-c", code], check=True)
