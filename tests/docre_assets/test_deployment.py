"""The deployment examples name what there is: commands, options, files, ports and settings."""

import importlib.util
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest
import yaml
from dagster._cli import create_dagster_cli
from dagster._core.instance.config import dagster_instance_config
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import GRPC_INFO_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import create_dagster_webserver_cli

from resources.environment import resources_from_environment

ROOT = Path(__file__).parents[2]
INSTANCE = ROOT / "instance"
UNITS = sorted((INSTANCE / "systemd").glob("*.service"))
DOCKERFILE = (INSTANCE / "compose/Dockerfile").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
ENVIRONMENT = (ROOT / "resources/environment.py").read_text(encoding="utf-8")
SETTINGS = set(re.findall(r'"(DOCRE_\w+)"', ENVIRONMENT))
CLIS = {
    "dagster": create_dagster_cli(),
    "dagster-daemon": create_dagster_daemon_cli(),
    "dagster-webserver": create_dagster_webserver_cli(),
}


def read_yaml(name: str) -> Any:
    return yaml.safe_load((INSTANCE / name).read_text(encoding="utf-8"))


def read_unit(path: Path) -> ConfigParser:
    unit = ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str
    unit.read(path)
    return unit


def read_environment(name: str) -> dict[str, str]:
    words = shlex.split((INSTANCE / name).read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words)


def unit(name: str) -> Any:
    return read_unit(INSTANCE / f"systemd/docre-{name}.service")


def options(command: list[str]) -> dict[str, Any]:
    """What Dagster understands a command's options to be; fails on any that it does not have."""
    name, *arguments = command
    node: click.Command | None = CLIS[Path(name).name]
    while isinstance(node, click.Group):
        node, arguments = node.get_command(click.Context(node), arguments[0]), arguments[1:]
    assert node is not None, command
    return node.make_context(name, list(arguments)).params


COMPOSE = read_yaml("compose/compose.yaml")
SERVICES = COMPOSE["services"]


def started_by(host: str, port: str, folder: Path) -> tuple[list[str], list[str]]:
    """The commands of code_server.sh: what is run in the background, and the code server."""
    for name in ("python", "dagster"):
        fake = folder / name
        fake.write_text(f'#!/bin/sh\necho {name} "$@" > {folder}/{name}.new\n'
                        f"mv {folder}/{name}.new {folder}/{name}.told\n")  # fmt: skip
        fake.chmod(0o755)
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    script = ["sh", "instance/code_server.sh", host, port]
    subprocess.run(script, cwd=ROOT, env=path, check=True, timeout=30)
    deadline = time.monotonic() + 30
    told = [folder / "python.told", folder / "dagster.told"]
    while not all(file.exists() for file in told) and time.monotonic() < deadline:
        time.sleep(0.05)
    background, server = (file.read_text().split() for file in told)
    return background, server


def test_the_postgres_instance_differs_in_nothing_but_its_storage():
    ours, postgres = read_yaml("dagster.yaml"), read_yaml("postgres/dagster.yaml")
    assert set(ours.pop("storage")) == {"sqlite"}
    assert set(postgres.pop("storage")) == {"postgres"}
    assert postgres == ours


def test_dagster_takes_the_postgres_instance_with_what_the_environments_set():
    settings, _ = dagster_instance_config(str(INSTANCE / "postgres"))
    database = settings["storage"]["postgres"]["postgres_db"]
    wanted = {value["env"] for value in database.values() if isinstance(value, dict) and value}
    assert set(database) >= {"hostname", "username", "password", "db_name"}
    assert wanted == set(read_environment("postgres/postgres.env"))
    for name in ("code", "daemon", "webserver"):
        assert wanted <= set(SERVICES[name]["environment"]), name
    owner = {
        key.removeprefix("POSTGRES_"): v for key, v in SERVICES["postgres"]["environment"].items()
    }
    for key, value in owner.items():
        assert COMPOSE["x-postgres"][f"DAGSTER_POSTGRES_{key}"] == value
    assert COMPOSE["x-postgres"]["DAGSTER_POSTGRES_HOST"] in SERVICES


@pytest.mark.parametrize("name", ["daemon", "webserver"])
def test_daemon_and_webserver_are_started_with_options_that_there_are(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    of_unit = options(shlex.split(unit(name)["Service"]["ExecStart"]))
    of_compose = options(SERVICES[name]["command"])
    assert of_unit["workspace"] == ("instance/systemd/workspace.yaml",)
    assert of_compose["workspace"] == ("instance/compose/workspace.yaml",)
    for workspace in (*of_unit["workspace"], *of_compose["workspace"]):
        assert Path(workspace).is_file()


def test_the_webserver_is_reached_from_its_own_machine_only():
    command = shlex.split(unit("webserver")["Service"]["ExecStart"])
    assert options(command)["host"] == "127.0.0.1"
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    port = options(SERVICES["webserver"]["command"])["port"]
    assert published == {"webserver": [f"127.0.0.1:3000:{port}"]}


@pytest.mark.parametrize("kind", ["systemd", "compose"])
def test_everybody_finds_the_code_server(kind, tmp_path):
    (found,) = read_yaml(f"{kind}/workspace.yaml")["load_from"]
    if kind == "systemd":
        service = unit("code")["Service"]
        command, host = shlex.split(service["ExecStart"]), "127.0.0.1"
        waits = re.search(r"until (.*?);", service["ExecStartPost"])[1].split()
        assert command[2] == host
    else:
        command, host = SERVICES["code"]["command"], "code"
        waits = SERVICES["code"]["healthcheck"]["test"][1:]
    assert command[1] == "instance/code_server.sh"
    background, server = started_by(*command[2:], tmp_path)
    served = options(server)
    port = served["port"]
    expected = {"host": host, "port": port, "location_name": served["location_name"]}
    assert found["grpc_server"] == expected
    assert options(waits)["port"] == port
    assert background[1:4] == ["instance/close_lost_runs.py", served["location_name"], str(port)]
    assert abs(int(background[4]) - time.time()) < 60


def test_the_code_server_serves_this_project(tmp_path):
    _, server = started_by("127.0.0.1", "4266", tmp_path)
    (project,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    served = options(server)
    assert served["module_name"] == project["python_module"]["module_name"]
    assert served["location_name"] == project["python_module"]["location_name"]


def test_units_share_user_folder_and_settings():
    assert {path.stem for path in UNITS} == {"docre-code", "docre-daemon", "docre-webserver"}
    shared = ("User", "WorkingDirectory", "EnvironmentFile", "ReadWritePaths", "ProtectSystem")
    found = {tuple(read_unit(path)["Service"][key] for key in shared) for path in UNITS}
    assert len(found) == 1


def test_the_daemon_is_down_while_the_code_server_is():
    for key in ("Requires", "After"):
        assert unit("daemon")["Unit"][key] == "docre-code.service"
    assert SERVICES["daemon"]["depends_on"]["code"] == {
        "condition": "service_healthy",
        "restart": True,
    }
    assert unit("code")["Service"]["KillMode"] == "control-group"
    assert re.search(r'^ENTRYPOINT \["tini", "-g", "--"\]$', DOCKERFILE, flags=re.MULTILINE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not there")
def test_systemd_has_nothing_to_say(tmp_path):
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "instance").symlink_to(INSTANCE)
    units = tmp_path / "units"
    units.mkdir()
    for path in UNITS:
        (units / path.name).write_text(path.read_text().replace("/opt/docre", str(tmp_path)))
    command = ["systemd-analyze", "verify", "--man=no", *sorted(units.iterdir())]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in found.stderr.splitlines() if str(units) in line] == []
    assert found.returncode == 0


def test_the_units_settings_are_ones_that_there_are_and_writable(monkeypatch):
    settings = read_environment("systemd/docre.env")
    writable = Path(unit("code")["Service"]["ReadWritePaths"])
    assert {name for name in settings if name.startswith("DOCRE_")} <= SETTINGS
    for name in ("DAGSTER_HOME", "DOCRE_STORAGE", "DOCRE_INBOX"):
        assert Path(settings[name]).is_relative_to(writable), name
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert str(resources_from_environment()["storage"].folder) == settings["DOCRE_STORAGE"]


def test_the_code_container_gets_every_setting_and_keeps_what_it_writes():
    fixed = dict(re.findall(r"\b([A-Z_]+)=(\S+)", DOCKERFILE.split("\nENV ")[1].split("\n\n")[0]))
    passed = {name for name in SERVICES["code"]["environment"] if name.startswith("DOCRE_")}
    assert passed | {name for name in fixed if name.startswith("DOCRE_")} == SETTINGS
    kept = {volume.split(":")[1] for volume in SERVICES["code"]["volumes"]}
    assert {fixed[n] for n in ("DAGSTER_HOME", "DOCRE_STORAGE", "DOCRE_INBOX", "HF_HOME")} <= kept
    assert f"{fixed['DAGSTER_HOME']}/dagster.yaml" in kept


def test_every_service_can_be_watched_and_comes_back():
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert set(service.get("depends_on", ())) <= set(SERVICES), name
    assert options(SERVICES["daemon"]["healthcheck"]["test"][1:]) == {}


def test_volumes_are_declared_and_mounted_files_are_there():
    mounts = {tuple(v.split(":")[:2]) for s in SERVICES.values() for v in s.get("volumes", ())}
    named = {source for source, _ in mounts if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    files = [source for source, target in mounts if Path(target).suffix]
    assert files
    assert [name for name in files if not (INSTANCE / "compose" / name).is_file()] == []


def test_the_image_is_built_from_what_there_is():
    build = SERVICES["code"]["build"]
    context = (INSTANCE / "compose" / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()
    copied = [s for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.M) for s in line.split()]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(copied)


def test_the_gpu_file_changes_what_there_is():
    services = read_yaml("compose/compose.gpu.yaml")["services"]
    assert set(services) <= set(SERVICES)
    arguments = services["code"]["build"]["args"]
    assert arguments != SERVICES["code"]["build"]["args"]
    assert set(arguments) == set(re.findall(r"^ARG (\w+)=", DOCKERFILE, re.M))


def test_dagster_postgres_goes_with_the_locked_dagster():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    # Dagster's libraries are released together, those that are not its core with 0. and 16 more.
    minor, patch = re.search(r"^dagster==1\.(\d+)\.(\d+)$", lock, re.M).groups()
    expected = f"dagster-postgres==0.{int(minor) + 16}.{patch}"
    for text in (DOCKERFILE, PAGE):
        assert set(re.findall(r"dagster-postgres==[\d.]+", text)) == {expected}


def test_the_page_names_what_there_is():
    for name in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (ROOT / "docs" / name).exists(), name
    theirs = {"instance/compose/.env", "instance/compose/corpus"}  # who deploys makes these
    for name in set(re.findall(r"(?<![\w/])instance/[\w./-]*\w", PAGE)) - theirs:
        assert (ROOT / name).exists(), name
    assert set(re.findall(r"DOCRE_\w+", PAGE)) <= SETTINGS
    assert set(re.findall(r"docre-\w+(?=\.service)", PAGE)) <= {path.stem for path in UNITS}


@pytest.fixture(scope="module")
def closing():
    file = INSTANCE / "close_lost_runs.py"
    specification = importlib.util.spec_from_file_location("close_lost_runs", file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def instance():
    with dg.instance_for_test(
        overrides={"run_retries": {"enabled": True, "max_retries": 2}}
    ) as instance:
        yield instance


def a_run(instance, status: dg.DagsterRunStatus, location="docre", by_server=True) -> str:
    code = GrpcServerCodeLocationOrigin("127.0.0.1", 4266, location_name=location)
    run = create_run_for_test(
        instance,
        job_name="redistillation",
        status=status,
        tags={GRPC_INFO_TAG: "{}"} if by_server else {},
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(code, "r"), "redistillation"),
    )
    return run.run_id


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


Status = dg.DagsterRunStatus


@pytest.mark.parametrize(
    ("status", "ends_as"),
    [
        (Status.STARTING, Status.FAILURE),
        (Status.STARTED, Status.FAILURE),
        (Status.CANCELING, Status.CANCELED),
        (Status.QUEUED, Status.QUEUED),
        (Status.NOT_STARTED, Status.NOT_STARTED),
        (Status.SUCCESS, Status.SUCCESS),
        (Status.CANCELED, Status.CANCELED),
    ],
)
def test_runs_that_were_at_work_are_closed_and_no_others(closing, instance, status, ends_as):
    run = a_run(instance, status)
    closed = closing.close_lost_runs(instance, "docre", later())
    assert closed == ([] if status is ends_as else [run])
    assert instance.get_run_by_id(run).status is ends_as


def test_a_lost_run_is_retried(closing, instance):
    run = a_run(instance, Status.STARTED)
    closing.close_lost_runs(instance, "docre", later())
    assert instance.get_run_by_id(run).tags[WILL_RETRY_TAG] == "true"


def test_runs_of_the_new_server_of_others_and_of_none_go_on(closing, instance):
    elsewhere = a_run(instance, Status.STARTED, location="other")
    alone = a_run(instance, Status.STARTED, by_server=False)
    ours = a_run(instance, Status.STARTED)
    earlier = datetime.now(UTC) - timedelta(minutes=1)
    assert closing.close_lost_runs(instance, "docre", earlier) == []
    assert closing.close_lost_runs(instance, "docre", later()) == [ours]
    for run in (elsewhere, alone):
        assert instance.get_run_by_id(run).status is Status.STARTED


def test_pools_are_freed_of_runs_that_have_ended_alone(closing, instance):
    storage = instance.event_log_storage
    runs = {
        "lost": a_run(instance, Status.STARTED),
        "canceled": a_run(instance, Status.CANCELED),
        "elsewhere": a_run(instance, Status.STARTED, location="other"),
    }
    for pool, run in runs.items():
        storage.set_concurrency_slots(pool, 1)
        storage.claim_concurrency_slot(pool, run, "step")
        assert storage.get_concurrency_info(pool).active_slot_count == 1
    closing.close_lost_runs(instance, "docre", later())
    held = {pool: storage.get_concurrency_info(pool).active_slot_count for pool in runs}
    assert held == {"lost": 0, "canceled": 0, "elsewhere": 1}


def test_it_waits_for_the_new_server_and_names_what_it_closed(
    closing, instance, monkeypatch, capsys
):
    monkeypatch.setattr(closing, "NOTICED", 0)
    run = a_run(instance, Status.STARTED)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        closing.main("docre", str(port), str(int(time.time()) + 60))
    assert run in capsys.readouterr().out
    with pytest.raises(TimeoutError, match=f"port {port}: expected the code server"):
        closing.wait_until_answered(port, give_up=0.1)
