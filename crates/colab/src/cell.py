# Installs @NAME@ @WHAT@. The SHA-256 of the wheel is checked.
import importlib.metadata, json, os, platform, re, shutil, subprocess, sys, sysconfig, urllib.parse, urllib.request

NAME, MODULE, EXTRAS = "@NAME@", "@MODULE@", "@EXTRAS@"
RELEASE = "@REPOSITORY@/releases/download/@TAG@"

@SOURCE@

def installed():
    importlib.invalidate_caches()
    return next((it.version for it in importlib.metadata.distributions(name=NAME)), None)

def run(*command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

python = "%d.%d" % sys.version_info[:2] + "t" * bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
machine, libc = platform.machine(), os.confstr("CS_GNU_LIBC_VERSION")
number = lambda text: [int(part) for part in text.split(".")]
build, before = newest(), installed()
fitting = [wheel for wheel in build["wheels"] if python in wheel["pythons"] and wheel["platforms"][0].endswith(machine)
           and number(wheel["glibc"] or "0") <= number(libc.split()[1])
           and re.fullmatch("[A-Za-z0-9.+!_-]+[.]whl [0-9a-f]{64}", wheel["file"] + " " + wheel["sha256"])]
if not fitting:
    there = "; ".join(f"Python {', '.join(it['pythons'])} ({it['file']})" for it in build["wheels"])
    raise RuntimeError(f"{NAME} {build['version']} is there for {there}. This is Python {python} with {libc} on {machine}. "
                       "Choose another runtime (Runtime > Change runtime type), or build a wheel for this one.")
if before != build["version"] or EXTRAS:
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    uv = ["uv"] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    if run(*uv, "--version").returncode != 0:
        run(*pip, "uv")
    if run(*uv, "--version").returncode == 0:
        pip = [*uv, "pip", "install", "--system", "--python", sys.executable]
    url = f"{RELEASE}/{urllib.parse.quote(fitting[0]['file'])}#sha256={fitting[0]['sha256']}"
    done = run(*pip, f"{NAME}{EXTRAS} @ {url}")
    if done.returncode != 0:
        raise RuntimeError(f"{NAME} {build['version']} was not installed; what was there still is.\n{done.stdout}")
print(NAME, installed(), "for Python", python, "was here already" if before == installed() else "is installed")
if MODULE in sys.modules and before != installed():
    print(f"{MODULE} {before} is still loaded: restart the session (Runtime > Restart session), then import it again.")
