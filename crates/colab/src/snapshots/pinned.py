# Installs thing 1, this build and no other, from https://github.com/owner/things. The SHA-256 of the wheel is checked.
import importlib.metadata, json, platform, re, shutil, subprocess, sys, tempfile, urllib.parse, urllib.request

NAME, MODULE, EXTRAS = "thing", "thing", "[cuda,fast]"
RELEASE = "https://github.com/owner/things/releases/download/latest"
MAY_CHANGE = []  # what may get another version than the runtime's, such as "torch"; all else keeps its own

def newest():
    return {"version": "1", "wheels": [
        {"file": "thing-1-cp311-abi3-manylinux_2_28_x86_64.whl", "sha256": "abababababababababababababababababababababababababababababababab", "pythons": ["3.11", "3.12"], "platforms": ["manylinux_2_28_x86_64"], "glibc": None},
    ]}

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
