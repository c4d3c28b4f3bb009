import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "from setuptools import build_meta; print(build_meta.build_editable('wheel'))"
# -S: without the packages of the environment that the tests run in
IMPORT = "import site, sys; site.addsitedir(sys.argv[1]); import o2recon; print(o2recon.__file__)"


def test_a_script_beside_the_clone_finds_the_package_and_not_the_clone_s_folder(tmp_path: Path) -> None:
    """Python takes a folder o2recon/ without __init__.py for a package unless a real one lies on the path."""
    pytest.importorskip("setuptools", minversion="77")
    clone, site = tmp_path / "o2recon", tmp_path / "site"
    package = clone / "o2recon"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    (clone / "wheel").mkdir()
    subprocess.run([sys.executable, "-c", BUILD], cwd=clone, check=True, capture_output=True)
    (wheel,) = (clone / "wheel").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    found = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT, str(site)], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert Path(found.stdout.strip()) == package / "__init__.py"
