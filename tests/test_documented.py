"""What the documentation shows, run as it is pasted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


PAGE = ROOT / "docs" / "records.md"


def block(language: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    return str(blocks[0])


def test_the_blocks_of_the_page_run_as_pasted(tmp_path: Path) -> None:
    # As in an interactive Python, whose answer the comment shows.
    code = block("python")
    last, shown = code.rstrip().rsplit("\n", 1)[1].split("  # ")
    code = code.replace(last, f"print({last})")
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert printed == f"{shown}\n"

    lines = block("console").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("$ "):
            continue
        command = line.removeprefix("$ ").replace(".venv/bin", str(BIN)).split()
        printed = subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout
        shows = [text for text in lines[number + 1 :] if not text.startswith("$ ")]
        if number + 1 < len(lines) and not lines[number + 1].startswith("$ "):
            assert printed.splitlines() == shows
