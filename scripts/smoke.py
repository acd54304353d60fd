"""Uses an installed maou as a user would; exits with an error if anything is not right.

Run where the wheel has been installed, in an empty directory: by `cargo xtask wheel` for each Python that it finds, and by
scripts/smoke.sh in fresh containers.
"""

import datetime
import subprocess

import maou
import pyarrow as pa

COLUMNS = [
    ("id", pa.uint64(), 7),
    ("position", pa.binary(32), bytes(32)),
    ("eval", pa.int16(), 0),
    ("best_move", pa.uint16(), 0),
    ("result", pa.int8(), 1),
    ("date", pa.date32(), datetime.date(2024, 1, 1)),
]


def run(*command: str) -> str:
    """What the command prints; it has to succeed."""
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


table = pa.table({name: pa.array([value], type) for name, type, value in COLUMNS})
assert maou.write(table, "one.arrow") == 1
assert maou.__version__ in run("maou", "--version")
assert "1" in run("maou", "info", "one.arrow")
assert run("maou", "find", ".", "--id", "7").endswith("one.arrow\t0\n")
print(f"maou {maou.__version__} works")
