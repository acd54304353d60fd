"""The command `maou`.

Exit codes: 0 done, 1 failed (one line on stderr says why), 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import maou

EVAL_MIN, EVAL_MAX = -(2**15), 2**15 - 1
ID_MAX = 2**64 - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("maou: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        return fail(describe_os_error(error))
    except (ValueError, RuntimeError) as error:
        return fail(str(error))
    return 0


def fail(message: str) -> int:
    print(f"maou: error: {message}", file=sys.stderr)
    return 1


def describe_os_error(error: OSError) -> str:
    """The error as `path: reason`, without Python's number."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{os.fspath(error.filename)}: {error.strerror}"


def version() -> str:
    info = maou.build_info()
    return f"maou {info['version']} (commit {info['commit']}, {info['profile']}, {info['abi']})"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maou",
        description="Inspect, merge and search files of shogi training records (Arrow IPC).",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong arguments.",
    )
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_info(commands)
    add_merge(commands)
    add_find(commands)
    return parser


def add_info(commands: Any) -> None:
    parser = commands.add_parser(
        "info",
        help="summarize files and check that they are sound",
        description="Summarize files. They are read in full, so damage anywhere in them is found.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a file, or a directory that is searched for .arrow and .feather files",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per file")
    parser.set_defaults(run=run_info)


def add_merge(commands: Any) -> None:
    parser = commands.add_parser(
        "merge",
        help="write the records of several files to one, or to files of equal size",
        description=(
            "Write the records of the inputs, in that order, to one file. Nothing is sorted and "
            "nothing dropped. Files may be larger than memory."
        ),
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="an input file")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="the output file; with --rows-per-file a new or empty directory",
    )
    parser.add_argument(
        "--compression",
        choices=["lz4", "zstd", "none"],
        default="lz4",
        help="the compression of the output (default: lz4)",
    )
    parser.add_argument(
        "--rows-per-file",
        type=positive,
        metavar="N",
        help="write files of N records, OUT/records-00000.arrow and so on, instead of one file",
    )
    parser.set_defaults(run=run_merge)


def add_find(commands: Any) -> None:
    parser = commands.add_parser(
        "find",
        help="find records by id or by evaluation",
        description="Find records in a directory. Prints `FILE<tab>ROW`, rows counted from 0.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="searched with all below it")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument(
        "--id",
        dest="ids",
        action="append",
        type=record_id,
        metavar="N",
        help="find the record with this id; may be repeated",
    )
    wanted.add_argument(
        "--eval",
        dest="evals",
        type=eval_range,
        metavar="LO:HI",
        help="find evaluations from LO to HI centipawns, both included; either may be left out "
        "(write --eval=-50:50 if it starts with a minus sign)",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="print at most N records")
    parser.add_argument("--json", action="store_true", help="print one JSON object per record")
    parser.set_defaults(run=run_find)


def positive(text: str) -> int:
    return integer(text, 1, 2**63 - 1)


def record_id(text: str) -> int:
    return integer(text, 0, ID_MAX)


def eval_range(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"expected LO:HI, got {text!r}")
    bounds = (
        integer(low, EVAL_MIN, EVAL_MAX) if low else EVAL_MIN,
        integer(high, EVAL_MIN, EVAL_MAX) if high else EVAL_MAX,
    )
    if bounds[0] > bounds[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is empty: {bounds[0]} is above {bounds[1]}")
    return bounds


def integer(text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{value} is not from {low} to {high}")
    return value


def run_info(options: argparse.Namespace) -> None:
    for path in options.paths:
        for file in maou.record_files(path) if path.is_dir() else [path]:
            summary = summarize(maou.info(file))
            print(json.dumps(summary) if options.json else format_summary(summary))


def summarize(info: maou.FileInfo) -> dict[str, Any]:
    return {
        "path": str(info.path),
        "rows": info.rows,
        "batches": info.batches,
        "compression": info.compression,
        "size": info.size,
        "checksums": info.checksums,
        "eval": list(info.eval) if info.eval else None,
        "date": [format_date(day) for day in info.date] if info.date else None,
        "results": {"win": info.wins, "draw": info.draws, "loss": info.losses},
    }


def format_date(day: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    except OverflowError:
        # Arrow's days reach further than Python's years 1 to 9999.
        return f"day {day}"


def format_summary(summary: dict[str, Any]) -> str:
    results = summary["results"]
    lines = [
        summary["path"],
        f"  rows         {summary['rows']:,} in {summary['batches']} batches",
        f"  size         {summary['size']:,} bytes, compression {summary['compression']}",
        f"  checksums    {'match' if summary['checksums'] else 'none'}",
    ]
    if summary["rows"]:
        lines += [
            f"  eval         {summary['eval'][0]} to {summary['eval'][1]} centipawns",
            f"  date         {summary['date'][0]} to {summary['date'][1]}",
            f"  results      {results['win']:,} wins, {results['draw']:,} draws, "
            f"{results['loss']:,} losses",
        ]
    return "\n".join(lines)


def run_merge(options: argparse.Namespace) -> None:
    if options.rows_per_file is None:
        rows = maou.merge(options.inputs, options.output, compression=options.compression)
        print(f"{options.output}: {rows:,} rows")
        return
    files = maou.reshard(
        options.inputs,
        options.output,
        rows_per_file=options.rows_per_file,
        compression=options.compression,
    )
    print(f"{options.output}: {len(files):,} files")


def run_find(options: argparse.Namespace) -> None:
    index = maou.Index(options.directory)
    if options.ids is not None:
        found = index.find_ids(options.ids)[: options.limit]
    else:
        found = index.find_evals(*options.evals, limit=options.limit)
    for path, row in found:
        print(json.dumps({"file": str(path), "row": row}) if options.json else f"{path}\t{row}")


if __name__ == "__main__":
    sys.exit(main())
