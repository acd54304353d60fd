"""Two hundred damaged files, each of them an error, none of them the end of the process."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COMPRESSIONS, make_table, write_feather

import maou

# In a process of its own: an abort would otherwise end the tests without a word.
CHILD = """
import json, sys, maou
outcomes = {}
for path in sys.stdin.read().splitlines():
    try:
        maou.read(path)
        outcomes[path] = ["read", ""]
    except BaseException as error:
        outcomes[path] = [type(error).__name__, str(error)]
print(json.dumps(outcomes))
"""


def read_in_child(paths: list[Path]) -> dict[str, list[str]]:
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    outcomes: dict[str, list[str]] = json.loads(child.stdout)
    assert len(outcomes) == len(paths)
    return outcomes


def assert_each_is_an_error(paths: list[Path]) -> None:
    for path, (kind, message) in read_in_child(paths).items():
        assert kind == "RecordFileError", f"{path}: {kind}: {message}"
        assert message.startswith(f"{path}: "), message


def flipped(content: bytes, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def spread(random_source: random.Random, end: int, count: int) -> list[int]:
    """Numbers below `end`: the first and the last ones, where the structure is, and any between."""
    edges = [*range(count // 4), *range(end - count // 4, end)]
    return edges + [random_source.randrange(end) for _ in range(count - len(edges))]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_two_hundred_damaged_files_are_two_hundred_errors(
    tmp_path: Path, compression: str
) -> None:
    source = random.Random(compression)
    ours, theirs = tmp_path / "ours.arrow", tmp_path / "theirs.arrow"
    maou.write(make_table(70_000), ours, compression=compression)
    write_feather(make_table(70_000), theirs, compression)
    damaged: list[Path] = []

    def add(content: bytes) -> None:
        damaged.append(tmp_path / f"{len(damaged)}.arrow")
        damaged[-1].write_bytes(content)

    for whole in (ours.read_bytes(), theirs.read_bytes()):
        for end in spread(source, len(whole), 40):
            add(whole[:end])
    content = ours.read_bytes()
    for bit in spread(source, len(content) * 8, 120):
        add(flipped(content, bit))
    assert len(damaged) == 200
    assert_each_is_an_error(damaged)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_flipped_bit_in_a_foreign_file_is_an_error_or_another_value(
    tmp_path: Path, compression: str
) -> None:
    """Files of other writers have no checksums. What cannot be noticed must not crash."""
    source = random.Random(compression)
    whole = write_feather(make_table(200), tmp_path / "a.arrow", compression).read_bytes()
    paths = []
    for bit in spread(source, len(whole) * 8, 300):
        paths.append(tmp_path / f"bit-{bit}.arrow")
        paths[-1].write_bytes(flipped(whole, bit))
    paths = list(dict.fromkeys(paths))
    kinds = {kind for kind, _ in read_in_child(paths).values()}
    assert kinds <= {"RecordFileError", "read"}


def test_other_files_are_named_for_what_they_are(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("empty", "text", "magic")]
    for path, content in zip(paths, [b"", b"id,position\n1,2\n", b"ARROW1\0\0"], strict=True):
        path.write_bytes(content)
    assert_each_is_an_error(paths)
    for path, reason in zip(paths, ["is empty", "not an Arrow IPC", "truncated"], strict=True):
        with pytest.raises(maou.RecordFileError, match=reason):
            maou.read(path)


def test_a_claimed_size_beyond_all_memory_is_an_error(tmp_path: Path) -> None:
    """The length prefix of a compressed buffer says how much to allocate; here it lies."""
    whole = write_feather(make_table(1000), tmp_path / "a.arrow").read_bytes()
    prefix = (8000).to_bytes(8, "little")
    assert prefix in whole
    path = tmp_path / "b.arrow"
    path.write_bytes(whole.replace(prefix, (2**62).to_bytes(8, "little")))
    with pytest.raises(maou.RecordFileError, match="claims 4611686018427387904 bytes"):
        maou.read(path)
