# Installs thing as last built from https://github.com/owner/things; run it again to update. The SHA-256 of the wheel is checked.
import importlib.metadata, json, platform, re, shutil, subprocess, sys, tempfile, urllib.parse, urllib.request

NAME, MODULE, EXTRAS = "thing", "thing", "[cuda,fast]"
RELEASE = "https://github.com/owner/things/releases/download/latest"
MAY_CHANGE = []  # what may get another version than the runtime's, such as "torch"; all else keeps its own

def newest():
    hints = {404: "Nothing has been published there yet, or not for everybody.", None: "Is this runtime on the internet?"}
    for file in "manifest.json", "manifest-previous.json", "manifest.json":  # one is always there, also during a release
        try:
            with urllib.request.urlopen(f"{RELEASE}/{file}", timeout=30) as answer:
                return json.loads(answer.read().decode("ascii").replace("\\", "?"))  # no escapes to the terminal
        except (OSError, ValueError) as problem:
            code, why = getattr(problem, "code", None), problem
            if code != 404:
                break
    raise RuntimeError(f"{RELEASE}: {why}. {hints.get(code, 'Too many requests, or trouble at GitHub: wait some minutes.')}")

plain = lambda name: re.sub("[-_.]+", "-", name).lower()
python, build = "%d.%d" % sys.version_info[:2] + sys.abiflags, newest()
before = {plain(it.name): it.version for it in reversed(list(importlib.metadata.distributions())) if it.name and it.version}
fitting = [it for it in build["wheels"] if python in it["pythons"] and it["platforms"][0].endswith(platform.machine())
           and re.fullmatch("[A-Za-z0-9.+!_-]+[.]whl [0-9a-f]{64}", it["file"] + " " + it["sha256"])]
if not fitting:
    there = "; ".join(f"Python {', '.join(it['pythons'])} ({it['file']})" for it in build["wheels"])
    raise RuntimeError(f"{NAME} {build['version']} is there for {there}, and this is Python {python} on {platform.machine()}. "
                       "Choose another runtime (Runtime > Change runtime type), or build a wheel for this one.")
kept = [f"{name}=={version}" for name, version in before.items() if name not in map(plain, [NAME, *MAY_CHANGE])
        and re.fullmatch("[0-9.]+((a|b|rc|[.]post|[.]dev)[0-9]+)*([+][a-z0-9.]+)?", version)]
with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
    print(*kept, sep="\n", file=constraints, flush=True)
    uv = [shutil.which("uv")] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    url = f"{RELEASE}/{urllib.parse.quote(fitting[0]['file'])}#sha256={fitting[0]['sha256']}"
    done = subprocess.run([*uv, "pip", "install", "--system", "--python", sys.executable, "--constraints", constraints.name,
                           f"{NAME}{EXTRAS} @ {url}"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
if done.returncode != 0:
    named = ", ".join(it for it in kept if re.search(rf"(?<![\w-]){re.escape(it)}(?![\w+])", done.stdout))
    why = f" It needs another {named}: to let that change, add its name to MAY_CHANGE and run the cell again." if named else ""
    raise RuntimeError(f"{NAME} {build['version']} was not installed; what was there still is.{why}\n{done.stdout}")
importlib.invalidate_caches()
before, after = before.get(plain(NAME)), importlib.metadata.version(NAME)
print(NAME, after, "for Python", python, "was here already" if before == after else "is installed")
if MODULE in sys.modules and before != after:
    print(f"{MODULE} {before} is still loaded: restart the session (Runtime > Restart session), then import it again.")
