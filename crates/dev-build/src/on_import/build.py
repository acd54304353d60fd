import os
import sys


class BuildError(ImportError):
    """The extension is not what its sources say, and they cannot be built."""


def bring():
    """Has what is installed be what the sources say."""
    if os.environ.get(VARIABLE) == "off":
        return
    code, text = ask()
    if code == 0 and text:
        tell(text)
        import importlib

        # The library may have another name than the one before.
        importlib.invalidate_caches()
    elif code == 1:
        raise BuildError(
            f"{MODULE} is older than its sources, and they cannot be built\n{text}\n"
            f"  help: `{XTASK} dev` tells the same; with {VARIABLE}=off the old one is imported",
            name=MODULE,
        )
    elif code != 0:
        warn(text)


def ask():
    """The exit code of the program, and what it says at the end. That a build begins is told at once."""
    try:
        ours, theirs = os.pipe()
        try:
            try:
                pid = start(theirs)
            finally:
                os.close(theirs)
            try:
                text = hear(ours)
                return wait(pid, text), text
            except BaseException:
                end(pid)
                raise
        finally:
            os.close(ours)
    except Exception as error:
        # Also one of an interpreter that cannot start programs in this way.
        return None, f"{PROGRAM}: {getattr(error, 'strerror', None) or error}"


def start(theirs):
    """Starts the program, which says what it says into the pipe."""
    return os.posix_spawn(
        PROGRAM,
        [PROGRAM, ASK, PROJECT, VENV],
        environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, theirs, 2),
        ],
        # So that all that it starts can be ended with it.
        setpgroup=0,
    )


def wait(pid, text):
    """The exit code of the program, which has said `text`; None where it was killed."""
    try:
        status = os.waitpid(pid, 0)[1]
    except ChildProcessError:
        # This process has it that nobody waits for its children. A program that finds nothing to do says nothing.
        return None if text else 0
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def hear(ours):
    """What comes from the pipe, to its end, without the line that a build begins."""
    said = b""
    while True:
        part = os.read(ours, 65536)
        if not part:
            return said.decode("utf-8", "replace").rstrip()
        said += part
        if said.startswith(b"Building ") and b"\n" in said:
            line, said = said.split(b"\n", 1)
            tell(line.decode("utf-8", "replace"))


def end(pid):
    """Ends the build, as Ctrl-C does in a terminal."""
    import signal

    try:
        os.killpg(pid, signal.SIGINT)
        os.waitpid(pid, 0)
    except OSError:
        # It has ended on its own.
        pass


def environment():
    """Ours. A notebook's may know nothing of cargo."""
    path = os.environ.get("PATH", os.defpath)
    if not CARGO or CARGO in path.split(os.pathsep):
        return os.environ
    return {**os.environ, "PATH": f"{path}{os.pathsep}{CARGO}"}


def tell(text):
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        # Nobody reads it.
        pass


def warn(text):
    import warnings

    text = (
        f"{MODULE} is imported as it is installed, whatever its sources say by now: it cannot be brought up to date\n"
        f"{text}\n  help: `{XTASK} dev` builds it; {VARIABLE}=off switches this off, and "
        f"`{XTASK} dev --on-import=off` for good"
    )
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:
        # Where warnings are errors, the import would fail for something that is none of it.
        tell(text)
