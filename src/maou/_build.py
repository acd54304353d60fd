"""What the package was built from."""

from maou._rust import build_info as of_extension


def build_info() -> dict[str, str]:
    """What the installed package was built from.

    `version`; `commit`, as the version of a wheel names it (`0.2.0+g1a2b3c4`), `working-tree` of a build for
    development, else `unknown`; `profile` (`debug` or `release`); and `abi` (`abi3`, or one version such as
    `cp311`).

    The commit is not in the extension: each commit would compile it again, whatever it changes.
    """
    from importlib.metadata import PackageNotFoundError, version

    info = of_extension()
    try:
        _, _, local = version("maou").partition("+")
    except PackageNotFoundError:
        local = ""
    if local.startswith("g"):
        commit = local.removeprefix("g")
    else:
        commit = "working-tree" if info["profile"] == "debug" else "unknown"
    return {"version": info.pop("version"), "commit": commit, **info}
