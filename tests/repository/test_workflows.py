"""The GitHub Actions workflows: they run only contributors' commands, have minimal permissions, and time out."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from llamastack_workshop import cli
from llamastack_workshop.system import paths

WORKFLOWS = sorted((paths.ROOT / ".github" / "workflows").glob("*.yml"))
# The write permissions of jobs beyond reading the repository, by workflow and job.
MAY_WRITE = {
    ("publish", "deploy"): {"pages", "id-token"},
    ("nightly", "report"): {"issues"},
    ("canary", "report"): {"issues"},
    ("image", "push"): {"packages"},
}
# The commands of these jobs, which install nothing.
MAY_RUN_WITH_RIGHTS = (".ci/report-failure ", ".ci/push-image ")
# Windows has no make.
WITHOUT_MAKE = re.compile(
    r"python -m pip install --require-hashes --requirement requirements/uv\.txt|uv run workshop (\S+).*"
)

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def steps(job: dict) -> list[dict]:
    return job.get("steps", [])


def commands(job: dict) -> list[str]:
    return [line for step in steps(job) for line in step.get("run", "").splitlines()]


@each_workflow
def test_every_command_is_one_of_the_repository(path: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (paths.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in (command for job in jobs(path).values() for command in commands(job)):
        program, *arguments = command.split()
        if program.startswith(".ci/"):
            assert os.access(paths.ROOT / program, os.X_OK), command
        elif without_make := WITHOUT_MAKE.fullmatch(command):
            assert without_make[1] in {None, *get_command(cli.app).commands}, command
        else:
            assert program == "make" and arguments[0] in targets, command
        # Files in the command must exist in the repository: selected tests, a configuration.
        for name in re.findall(r"(?:notebooks|tests)/[\w./-]+", command):
            assert (paths.ROOT / name).exists(), command


@each_workflow
def test_a_job_has_no_more_rights_than_it_needs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert not re.findall(r"secrets\b(?!\.GITHUB_TOKEN)", text)
    for name, job in jobs(path).items():
        writes = {right for right, level in job.get("permissions", {}).items() if level == "write"}
        assert writes == MAY_WRITE.get((path.stem, name), set()), name
        # Packages from a registry must not run in a job with write permission.
        assert not writes or all(command.startswith(MAY_RUN_WITH_RIGHTS) for command in commands(job)), name
        for step in steps(job):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


@each_workflow
def test_every_job_ends(path: Path) -> None:
    for name, job in jobs(path).items():
        assert job.get("timeout-minutes", 360) <= 120 or "uses" in job, name


def test_actions_are_github_s_own_at_a_commit_with_its_version() -> None:
    """A tag can be moved to other code, but a commit cannot. Dependabot updates the commit and the comment together."""
    pins: dict[str, set[str]] = {}
    for line in (line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines()):
        if uses := re.search(r"\buses:\s*(.*)", line):
            if uses[1].startswith("./"):
                assert (paths.ROOT / uses[1]).exists(), line
                continue
            pinned = re.fullmatch(r"(actions/[a-z-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", uses[1])
            assert pinned, f"write it as actions/NAME@COMMIT # vVERSION: {line}"
            pins.setdefault(pinned[1], set()).add(pinned[2])
    assert pins and all(len(pin) == 1 for pin in pins.values()), pins


@each_workflow
def test_logs_in_hidden_folders_are_uploaded(path: Path) -> None:
    for step in (step for job in jobs(path).values() for step in steps(job)):
        # The image is passed from one job to the next; all other artifacts describe a failure.
        if step.get("uses", "").startswith("actions/upload-artifact@") and step["with"]["name"] != "image":
            hidden = any(line.startswith(".") for line in step["with"]["path"].splitlines())
            assert not hidden or step["with"].get("include-hidden-files") is True, step
            assert "always" in step["if"] or "failure" in step["if"], step


def test_the_nightly_lines_are_those_with_an_environment_of_their_own() -> None:
    (nightly,) = [path for path in WORKFLOWS if path.stem == "nightly"]
    lines = {path.stem for path in (paths.ROOT / "stacks").glob("*.txt")}
    assert set(jobs(nightly)["lines"]["strategy"]["matrix"]["stack"]) == lines


def test_a_job_waits_for_a_schedule_that_exists() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        scheduled = set(re.findall(r'cron: "(.*)"', text))
        assert set(re.findall(r"github\.event\.schedule [!=]= '(.*)'", text)) <= scheduled


@pytest.mark.parametrize("open_issue", [True, False])
def test_a_failure_is_reported_in_one_issue(tmp_path: Path, open_issue: bool) -> None:
    """`gh` is a stub, because the real one needs GitHub. The test covers its arguments."""
    asked = _report_failure(tmp_path, "17" if open_issue else "")
    wanted = "issue comment 17 --body-file" if open_issue else "issue create --title It broke --body-file"
    assert wanted in asked
    assert "actions/runs/42" in asked and "# What broke" in asked


def _report_failure(tmp_path: Path, number: str) -> str:
    log = tmp_path / "asked"
    gh = tmp_path / "gh"
    gh.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = list ] && echo "{number}" && exit\n'
        f'echo "$*" >>"{log}"\n'
        'while [ "$1" != --body-file ]; do shift; done\n'
        f'cat "$2" >>"{log}"\n',
        encoding="utf-8",
    )
    gh.chmod(0o755)
    report = tmp_path / "report.md"
    report.write_text("# What broke\n", encoding="utf-8")
    run = {"GITHUB_RUN_ID": "42", "GITHUB_SERVER_URL": "https://example.org", "GITHUB_REPOSITORY": "a/b"}
    subprocess.run(
        [paths.ROOT / ".ci" / "report-failure", "It broke", report],
        env={**os.environ, **run, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        timeout=30,
    )
    return log.read_text(encoding="utf-8")
