"""How large is what the image of the service installs, beside the limit of 500 MB?

    python benchmarks/image_size.py [--most 500]

Installs requirements-serve.txt into a temporary folder and slims it, as Dockerfile.serve does, and
sums the files. The base image is taken as large as stated below. Exit 1: more than the limit.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from common import DidNotHappen, measuring, options

ROOT = Path(__file__).resolve().parents[1]
BASE_MB = 130
"""python:3.11-slim-bookworm, unpacked; not measured here, where no Docker engine runs."""


def install(folder):
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet"]
    wanted = ["--require-hashes", "-r", str(ROOT / "requirements-serve.txt")]
    target = ["--python", sys.executable, "--target", str(folder), "--link-mode", "copy"]
    subprocess.run([*uv, *target, *wanted], check=True)
    subprocess.run(["/bin/sh", str(ROOT / "config" / "slim.sh"), str(folder)], check=True)


def sizes(folder):
    """Return the bytes of each package (of each entry of the folder)."""
    found = Counter()
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            found[file.relative_to(folder).parts[0].removesuffix(".libs")] += file.stat().st_size
    return found


def main():
    parser = options(__doc__)
    parser.add_argument("--most", type=float, default=500, help="MB, base image included")
    arguments = parser.parse_args()
    with measuring(arguments) as figures, TemporaryDirectory(dir="/var/tmp") as temporary:
        install(Path(temporary))
        found = sizes(Path(temporary))
        for name, size in found.most_common(8):
            figures.tell(f"{name:24}{size / 1e6:8.1f} MB", package=name, mb=size / 1e6)
        packages = sum(found.values()) / 1e6
        figures.tell(f"{'all packages':24}{packages:8.1f} MB", package="all", mb=packages)
        whole = packages + BASE_MB
        figures.tell(
            f"{'with the base image':24}{whole:8.1f} MB of {arguments.most:.0f} MB",
            package="all, with the base image", mb=whole,
        )  # fmt: skip
        if whole > arguments.most:
            raise DidNotHappen(f"{whole:.0f} MB, more than {arguments.most:.0f} MB")


if __name__ == "__main__":
    main()
