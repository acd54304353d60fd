# Shows that the install works: the build, the machine, and one file written, read and described.
import datetime, importlib.metadata, shutil, subprocess
import maou, pyarrow as pa

print("maou", importlib.metadata.version("maou"), maou.build_info())
if shutil.which("nvidia-smi"):
    print(subprocess.run(["nvidia-smi", "-L"], text=True, stdout=subprocess.PIPE).stdout.strip())
else:
    print("no GPU: Runtime > Change runtime type")

columns = {
    "id": pa.array([7], pa.uint64()),
    "position": pa.array([bytes(32)], pa.binary(32)),
    "eval": pa.array([120], pa.int16()),
    "best_move": pa.array([0], pa.uint16()),
    "result": pa.array([1], pa.int8()),
    "date": pa.array([datetime.date(2024, 1, 1)], pa.date32()),
}
maou.write(pa.table(columns), "one.arrow", compression="lz4")
print(pa.table(maou.read("one.arrow")).to_pylist())
print(maou.info("one.arrow"))
