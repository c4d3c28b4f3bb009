"""The server: it comes up, serves the page, follows the study, and leaves nothing behind."""

import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from o2recon.cli.main import main
from o2recon.web.viewer import free_port

pytest.importorskip("viser")


@pytest.fixture
def copied(outputs: Path, tmp_path: Path) -> Path:
    """A study that a test may change."""
    shutil.copytree(outputs, tmp_path / "main")
    return tmp_path / "main"


def test_the_page_is_served_and_ends_with_the_block(outputs: Path, make_viewer: Any) -> None:
    before = set(threading.enumerate())
    with make_viewer().opened(outputs, outputs.parents[1] / "work") as opened:
        page = urllib.request.urlopen(opened.url, timeout=10)
        assert page.status == 200 and b"<html" in page.read()
        assert opened.url.startswith("http://127.0.0.1:")
        assert any(name.startswith("/cameras/2/") or name.startswith("/objects/2/") for name in opened.page.nodes)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(opened.url, timeout=10)
    until = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < until:
        time.sleep(0.05)
    assert not set(threading.enumerate()) - before


def test_it_listens_on_loopback_only(outputs: Path, make_viewer: Any) -> None:
    with make_viewer().opened(outputs, outputs.parents[1] / "work") as opened:
        port = int(urlsplit(opened.url).port or 0)
        with socket.create_server(("127.0.0.2", port)):  # would be taken, were it bound to every address
            pass


def test_new_results_appear_while_it_is_open(copied: Path, make_viewer: Any, tmp_path: Path) -> None:
    with make_viewer().opened(copied, tmp_path / "work") as opened:
        assert not opened.page.refresh()
        name = "/objects/2/complete"
        before = opened.page.nodes[name]
        mesh = copied / "quick/none/attic/2/seed_0/mesh.ply"
        mesh.write_bytes(mesh.read_bytes())
        (mesh.parent / "result.json").write_text((mesh.parent / "result.json").read_text())
        assert opened.page.refresh()
        assert opened.page.nodes[name] != before
        shutil.rmtree(copied / "quick/none/attic")
        assert opened.page.refresh()
        assert opened.page.selection.scene == "room"


def test_a_study_emptied_meanwhile_stays_as_it_was(copied: Path, make_viewer: Any, tmp_path: Path) -> None:
    with make_viewer().opened(copied, tmp_path / "work") as opened:
        shutil.rmtree(copied)
        assert not opened.page.refresh()
        assert opened.page.nodes


def test_a_taken_port_gives_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert port < free_port("127.0.0.1", port) <= port + 50


def test_a_wrong_host_is_one_clear_line() -> None:
    with pytest.raises(ValueError, match=r"view\.host=no\.such\.host\.invalid"):
        free_port("no.such.host.invalid", 8080)


@pytest.mark.parametrize(
    "change", [{"port": 70000}, {"max_faces": 0}, {"jpeg_quality": 0}, {"refresh_s": -1.0}, {"error_range_cm": 0.0}]
)
def test_values_out_of_range_are_refused(change: dict[str, float], make_viewer: Any) -> None:
    with pytest.raises(ValueError, match=f"view.{next(iter(change))} is"):
        make_viewer(**change)


def test_ctrl_c_ends_with_status_0(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("o2recon.web.viewer.time.sleep", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["view", f"outputs={outputs.parent}", "view.port=0", f"work={outputs.parents[1] / 'work'}"])
    assert ended.value.code == 0
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_a_study_without_runs_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["view", f"outputs={tmp_path}", "study=nothing"])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "holds no runs" in error and error.count("\n") == 1


def test_without_viser_the_extra_is_named(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "viser", None)
    with pytest.raises(SystemExit) as ended:
        main(["view", f"outputs={outputs.parent}", "view.port=0"])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "pip install 'o2recon[web]'" in error and error.count("\n") == 1
