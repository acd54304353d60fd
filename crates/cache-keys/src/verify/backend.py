"""Stands in for maturin's PEP 517 hooks while `cache-keys --verify` runs: notes that it was asked to build, and
hands over the wheel of the one real build. That one it makes itself, when it is told how."""

import glob
import json
import os
import shutil
import subprocess
import zipfile

LIBRARY = (".so", ".pyd", ".dylib")


def _none(config_settings=None):
    return []


get_requires_for_build_editable = get_requires_for_build_wheel = get_requires_for_build_sdist = _none


def _without_library(wheel, slim):
    """uv takes seconds to unpack a library of a hundred megabytes, and only once does anybody want it."""
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(slim, "w") as rest:
        for item in whole.infolist():
            data = whole.read(item)
            if item.filename.endswith(LIBRARY):
                continue
            if item.filename.endswith(".dist-info/RECORD"):
                lines = data.decode().splitlines(keepends=True)
                data = "".join(line for line in lines if not line.split(",")[0].endswith(LIBRARY))
            rest.writestr(item, data)


def _wheel():
    wheels = os.environ["XTASK_VERIFY_WHEELS"]
    if "XTASK_VERIFY_BUILD" in os.environ:
        subprocess.run(json.loads(os.environ["XTASK_VERIFY_BUILD"]), check=True)
        return glob.glob(os.path.join(wheels, "*.whl"))[0]
    wheel = glob.glob(os.path.join(wheels, "*.whl"))[0]
    slim = os.path.join(wheels, "slim", os.path.basename(wheel))
    if not os.path.exists(slim):
        os.makedirs(os.path.dirname(slim), exist_ok=True)
        _without_library(wheel, slim)
    return slim


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.environ["XTASK_VERIFY_LOG"], "a") as log:
        log.write("built\n")
    wheel = _wheel()
    shutil.copy(wheel, wheel_directory)
    return os.path.basename(wheel)


build_wheel = build_editable
