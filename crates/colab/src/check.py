# What is installed, from which commit, and on what.
import importlib, importlib.metadata, shutil, subprocess

module = importlib.import_module("@MODULE@")
print("@NAME@", importlib.metadata.version("@NAME@"), "from", module.__file__)
if shutil.which("nvidia-smi"):
    print(subprocess.run(["nvidia-smi", "-L"], text=True, stdout=subprocess.PIPE).stdout.strip())
else:
    print("no GPU: Runtime > Change runtime type")
