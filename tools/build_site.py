"""Build the book as a web page: vendor its assets, then run Jupyter Book strictly.

    python tools/build_site.py                   build into _build/html and print the path
    python tools/build_site.py --output FOLDER   build into FOLDER/_build/html
    python tools/build_site.py --assets-only     only put lunr into book/_static/vendor

The finished site asks no other host for anything and works when opened from disk.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Asset(NamedTuple):
    """A file of others' that the site ships, and the Python package that carries it unchanged."""

    name: str
    carrier: str
    version: str
    path: str
    sha256: str  # proves that it is the file we checked


# The search in the page: stems, weighs and ranks (https://lunrjs.com).
LUNR = Asset(
    "lunr",
    "mkdocs",
    "1.6.1",
    "mkdocs/contrib/search/templates/search/lunr.js",
    "c1a28d9e95163292fbcc07ff794f1f0e1ade8741c513afe96d5b1046a18110bc",
)


class AssetError(RuntimeError):
    """Something the site needs is missing or is not the file we expect."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def vendor(asset: Asset, root: Path = ROOT) -> Path:
    """Put a verified file of others' where the site looks for it.

    Args:
        asset: the file.
        root: the repository's root folder.
    Returns:
        The path of the file. A second call finds it there and changes nothing.
    Raises:
        AssetError: if the distribution that carries it is missing or the bytes differ.
    """
    target = root / "book" / "_static" / "vendor" / Path(asset.path).name
    if target.is_file() and sha256(target) == asset.sha256:
        return target
    wanted = f"{asset.carrier}=={asset.version}"
    try:
        source = Path(distribution(asset.carrier).locate_file(asset.path))
    except PackageNotFoundError:
        raise AssetError(
            f"{asset.name} comes from the Python package {wanted}, which is not installed. "
            "Install requirements.txt (`make site` does it for you)."
        ) from None
    if not source.is_file() or sha256(source) != asset.sha256:
        raise AssetError(
            f"{source} is not the {asset.name} file that we checked: expected {wanted} with "
            f"SHA-256 {asset.sha256}. Was another version installed, or the file edited?"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def build(output: Path, root: Path = ROOT) -> Path:
    """Build the site strictly and return its first page.

    Args:
        output: folder that will hold `_build/html`.
        root: the repository's root folder.
    Raises:
        subprocess.CalledProcessError: if Sphinx fails or warns.
    """
    vendor(LUNR, root)
    jupyter_book = Path(sysconfig.get_path("scripts")) / "jupyter-book"
    command = [str(jupyter_book), "build", str(root)]
    command += ["--config", str(root / "_config.yml"), "--toc", str(root / "book" / "_toc.yml")]
    command += ["--path-output", str(output), "-W", "-n", "--keep-going"]
    subprocess.run(command, cwd=root, check=True)
    return output / "_build" / "html" / "index.html"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=ROOT, help="default: the repository's root")
    parser.add_argument("--assets-only", action="store_true", help="do not build the pages")
    arguments = parser.parse_args()
    try:
        if arguments.assets_only:
            print(vendor(LUNR))
        else:
            print(f"\nThe site is ready: {build(arguments.output.resolve())}")
    except (AssetError, subprocess.CalledProcessError) as error:
        print(f"The site was not built. {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
