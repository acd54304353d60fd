#!/bin/sh
# Installs the wheel in DIST with uv and uses it, on a system that has nothing but uv: `smoke.sh PYTHON DIST`.
# The wheel is named by its file, so no index is asked for it; what it depends on comes from PyPI.
set -eu
python=$1
wheel=$(ls "$(cd "$2" && pwd)"/*.whl)
scripts=$(cd "$(dirname "$0")" && pwd)

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/work"
cd "$dir/work"
uv venv --quiet --no-project --python "$python" "$dir/venv"
uv pip install --quiet --python "$dir/venv/bin/python" --only-binary :all: "$wheel"
PATH="$dir/venv/bin:$PATH" python "$scripts/smoke.py"
