"""What a confined process cannot reach, and what it can."""

import os
import socket
from pathlib import Path

import pytest
import sandboxed

from benchmark.sandbox import Confinement, SandboxedProcess
from benchmark.sandbox.confinement import landlock_version

HERE = str(Path(sandboxed.__file__).parent)
confined = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")


def tried(confinement: Confinement, **tries) -> dict[str, str]:
    with SandboxedProcess("sandboxed:reaching", {}, confinement, "mine.py:Mine") as process:
        return dict(process.ask({"tries": tries}, seconds=30).values["found"])


@confined
def test_it_reads_what_is_granted_and_writes_nothing_but_its_own(tmp_path):
    for name in ("granted/code.py", "granted/runs/record.txt", "secret/labels.csv", "own/kept.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("12345")
    (tmp_path / "granted/link").symlink_to(tmp_path / "secret")
    found = tried(
        Confinement((HERE, str(tmp_path / "granted")), (str(tmp_path / "own"),), (str(tmp_path / "granted/runs"),)),
        code=["read", str(tmp_path / "granted/code.py")],
        names=["list", str(tmp_path / "granted")],
        hidden=["read", str(tmp_path / "granted/runs/record.txt")],
        secret=["read", str(tmp_path / "secret/labels.csv")],
        written=["write", str(tmp_path / "granted/new.txt")],
        removed=["remove", str(tmp_path / "granted/code.py")],
        linked=["link", str(tmp_path / "secret"), str(tmp_path / "granted/here")],
        own=["write", str(tmp_path / "own/new.txt")],
        password=["read", "/etc/hostname"],
    )
    assert found == {
        "code": "5",
        "names": "['code.py', 'link', 'runs']",
        "hidden": "PermissionError",
        "secret": "PermissionError",
        "written": "PermissionError",
        "removed": "PermissionError",
        "linked": "PermissionError",
        "own": "4",
        "password": found["password"],
    }
    assert (tmp_path / "own/new.txt").read_text() == "mine"


@confined
def test_other_processes_and_the_environment_are_out_of_reach(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    found = tried(
        Confinement((HERE,)),
        kill=["kill", os.getpid()],
        memory=["memory", os.getpid()],
        environment=["environment", os.getpid()],
        files=["files", os.getpid()],
        variables=["variables"],
    )
    assert "HF_TOKEN" not in found.pop("variables")
    assert {name for name, what in found.items() if not what.endswith("Error")} <= (
        {"kill"} if landlock_version() < 6 and not sandboxed.namespaces() else set()
    )


@pytest.mark.skipif(not sandboxed.namespaces(), reason="there are no namespaces for everyone here")
def test_the_network_and_the_server_of_processes_are_out_of_reach():
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = tried(
            Confinement((HERE,)), connect=["connect", "127.0.0.1", server.getsockname()[1]], server=["server"]
        )
    assert {name for name, what in found.items() if not what.endswith("Error")} == set()


@confined
def test_where_it_may_download_it_writes_where_models_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    (tmp_path / "hub").mkdir()
    for downloads, said in ((True, "4"), (False, "PermissionError")):
        found = tried(Confinement((HERE,), downloads=downloads), hub=["write", str(tmp_path / "hub/weights")])
        assert found == {"hub": said}


@confined
def test_a_file_that_is_named_may_lie_in_a_hidden_folder_but_not_the_folder_itself(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/weights.pt").write_text("w")
    (tmp_path / "data/labels.csv").write_text("l")
    (tmp_path / "data/inner").mkdir()
    (tmp_path / "data/inner/clean.wav").write_text("c")
    named = (HERE, *(str(tmp_path / name) for name in ("data/weights.pt", "data/inner", "data", "")))
    found = tried(
        Confinement(named, hidden=(str(tmp_path / "data"),)),
        weights=["read", str(tmp_path / "data/weights.pt")],
        labels=["read", str(tmp_path / "data/labels.csv")],
        inner=["read", str(tmp_path / "data/inner/clean.wav")],
    )
    assert found == {"weights": "1", "labels": "PermissionError", "inner": "PermissionError"}
