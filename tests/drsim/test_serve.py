"""`drsim serve`, used as others use it: by AWS's own command line, over a socket, with any credentials."""

import json
import re
import signal
import subprocess
import sys
import threading
import time  # noqa: TID251 - whether virtual time runs as fast as it says, only the host's clock can tell
from typing import Any

import boto3
import pytest

from drsim.cli import main
from tests.drsim.served import serving

pytestmark = [pytest.mark.slow, pytest.mark.socket]

TABLE = "drs-orchestration-execution-history-test"


def query(status: str) -> list[str]:
    return [
        *("dynamodb", "query", "--table-name", TABLE, "--index-name", "StatusIndex"),
        *("--key-condition-expression", "#s = :s", "--expression-attribute-names", '{"#s": "Status"}'),
        *("--expression-attribute-values", json.dumps({":s": {"S": status}})),
    ]


def test_aws_cli_drills_beside_phase_1() -> None:
    with serving("drill", "--paused", "--set", "reaction=20s") as served:
        assert max(map(len, served.printed)) <= 100
        assert f"  table     {TABLE}, index StatusIndex, in us-east-1" in served.printed
        start = served.ask("GET", "/drsim/time")
        assert start == {"now": "2025-11-28T20:32:29.000000Z", "virtual_seconds": 0.0, "speed": 60, "paused": True}
        (execution,) = served.ask("GET", "/drsim/executions")
        assert (execution["status"], execution["waves"]) == (None, [])

        # A drill of the client's own, beside Phase 1.
        servers = served.aws("drs", "describe-source-servers")["items"]
        assert [each["sourceServerID"] for each in servers] == served.servers
        words = ["start-recovery", "--is-drill", "--source-servers", f"sourceServerID={served.servers[0]}"]
        job = served.aws("drs", *words)["job"]
        assert (job["status"], job["initiatedBy"]) == ("PENDING", "START_DRILL")
        served.aws("drs", *words, fails="ConflictException")

        def described() -> tuple[str, str]:
            (found,) = served.aws("drs", "describe-jobs", "--filters", f"jobIDs={job['jobID']}")["items"]
            return found["status"], found["participatingServers"][0]["launchStatus"]

        assert served.ask("POST", "/drsim/advance?by=30s")["virtual_seconds"] == 30
        assert described() == ("PENDING", "PENDING")
        # A job of this scenario is PENDING for 3 to 4 minutes, and over after 5 min 20 s to 8 min.
        served.ask("POST", "/drsim/advance?by=4m40s")
        assert described() == ("STARTED", "IN_PROGRESS")
        (item,) = served.aws(*query("POLLING"))["Items"]
        assert item["ExecutionId"]["S"] == execution["id"]

        # A write of the client's: Phase 1's next write is made on top of it, for it reads it and expects its version.
        key = {"ExecutionId": {"S": execution["id"]}, "PlanId": {"S": execution["plan"]}}
        served.aws(
            *("dynamodb", "update-item", "--table-name", TABLE, "--key", json.dumps(key)),
            *("--update-expression", "SET Version = :v, Note = :n"),
            *("--expression-attribute-values", '{":v": {"N": "7"}, ":n": {"SS": ["mine"]}}'),
        )
        served.ask("POST", "/drsim/advance?by=4m")
        assert described() == ("COMPLETED", "LAUNCHED")
        log = served.aws("drs", "describe-job-log-items", "--job-id", job["jobID"])["items"]
        assert [log[0]["event"], log[-1]["event"]] == ["JOB_START", "JOB_END"]
        (item,) = served.aws(*query("POLLING"))["Items"]
        assert (item["Version"], item["Note"]) == ({"N": "8"}, {"SS": ["mine"]})
        (execution,) = served.ask("GET", "/drsim/executions")
        assert [wave["job"] for wave in execution["waves"]] == [wave["M"]["JobId"]["S"] for wave in item["Waves"]["L"]]
        assert len(execution["waves"]) == 2
        known = served.ask("GET", "/drsim/servers")
        assert [each["id"] for each in known if each["spare"]] == served.servers
        assert {each["job"] for each in known if not each["spare"]} == {None, execution["waves"][1]["job"]}

        served.aws("dynamodb", "delete-table", "--table-name", TABLE, fails="protected against deletion")

        # An item that Phase 1 cannot read ends its part in that execution, and nothing else.
        served.aws("dynamodb", "put-item", "--table-name", TABLE, "--item", json.dumps(key))
        served.ask("POST", "/drsim/advance?by=8m")
        assert served.ask("GET", "/drsim/executions") == [{**execution, "status": None, "waves": []}]
        code, printed, seconds = served.end(signal.SIGINT)
    assert code == 0
    assert seconds < 1.5
    assert re.search(r"drsim served requests for [0-9.ms ]+: drs 7, drsim 9, dynamodb 5\n", printed)
    assert "17m 10s of virtual time, executions in the table: 1, DRS jobs: 4" in printed
    assert "KeyError" not in printed


def test_a_server_of_a_plan_shows_its_job_before_the_next_call() -> None:
    with serving("recovery-plan", "--paused") as served:
        spare, session = served.servers[0], boto3.Session(aws_access_key_id="a", aws_secret_access_key="b")
        drs: Any = session.client("drs", "us-east-1", endpoint_url=served.url)
        (server,) = drs.describe_source_servers(filters={"sourceServerIDs": [spare]})["items"]
        plan_arn = drs.create_recovery_plan(name="Mine")["recoveryPlan"]["recoveryPlanArn"]
        step = {"serverStepConfiguration": {"servers": [{"serverArn": server["arn"]}]}}
        drs.create_recovery_plan_step(recoveryPlanArn=plan_arn, stepName="One", configuration=step)
        drs.start_recovery_plan_execution(recoveryPlanArn=plan_arn, mode="DRILL")
        served.ask("POST", "/drsim/advance?by=5m")
        (job_id,) = [each["job"] for each in served.ask("GET", "/drsim/servers") if each["id"] == spare]
        assert job_id in [each["jobID"] for each in drs.describe_jobs()["items"]]


def test_time_is_controlled_and_wrong_requests_are_refused() -> None:
    with serving("--speed", "200", "--set", "regions=[eu-west-1]") as served:
        assert "in eu-west-1 for jobs of yours" in "\n".join(served.printed)
        assert {each["region"] for each in served.ask("GET", "/drsim/servers")} == {"eu-west-1"}
        assert served.ask("GET", "/drsim/executions") == []

        def seconds() -> float:
            virtual: float = served.ask("GET", "/drsim/time")["virtual_seconds"]
            return virtual

        wall, virtual = time.monotonic(), seconds()
        threading.Event().wait(1)
        wall, virtual = time.monotonic() - wall, seconds() - virtual
        assert 0.5 * 200 * wall < virtual < 1.5 * 200 * wall
        paused = served.ask("POST", "/drsim/pause")
        threading.Event().wait(0.2)
        assert served.ask("GET", "/drsim/time") == paused
        assert paused["paused"]
        advanced = served.ask("POST", "/drsim/advance?by=1h30m")
        assert advanced["virtual_seconds"] == pytest.approx(paused["virtual_seconds"] + 5400, abs=1e-6)
        assert not served.ask("POST", "/drsim/resume")["paused"]
        threading.Event().wait(0.2)
        assert seconds() > advanced["virtual_seconds"]

        for path, message in {
            "/drsim/advance": "by: a duration is a text with units",
            "/drsim/advance?by=soon": "got 'soon'",
            "/drsim/advance?by=0s": "by must be more than 0s and at most 365d, got 0s",
            "/drsim/advance?by=366d": "at most 365d, got 366d",
            "/drsim/advance?by=1m&to=2m": "no such parameter: to; known are by",
            "/drsim/pause?for=1m": "no such parameter: for; known are none here",
            "/drsim/time": "got POST /drsim/time",
            "/drsim": "got POST /drsim",
        }.items():
            assert message in served.refusal("POST", path)

        # The port is taken, so the second server is refused at once.
        port = served.url.rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "drsim", "serve", "--port", port], capture_output=True, text=True, check=False
        )
        assert second.returncode == 4
        assert second.stderr == (
            f"drsim: cannot listen on 127.0.0.1, port {port}: Address already in use; --port 0 takes any free port\n"
        )
        code, printed, _ = served.end(signal.SIGTERM)
    assert code == 0
    assert "executions in the table: 0, DRS jobs: 0" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dril"], "no scenario 'dril': did you mean 'drill'?"),
        (["drill", "--set", "servers=0"], "--set workload[0].servers must be greater than"),
        (["--set", "frob=1"], "--set frob: there is no such field"),
        (["--speed", "0"], "--speed must be more than 0 and at most 100000, got 0.0"),
        (["--speed", "nan"], "--speed must be more than 0 and at most 100000, got nan"),
        (["--port", "70000"], "'--port': must be less than or equal to 65535, got '70000'"),
        (["--host", "nowhere.invalid"], "--host 'nowhere.invalid' lets every machine that reaches this one"),
        (["--host", "", "--expose"], "--host must be an address or a host name, got ''"),
        (["--host", "\udcff", "--expose"], "--host must be an address or a host name, got '\\udcff'"),
        (["--allow", "\udcff"], "--allow must be a host name or an address, without scheme and port, got '\\udcff'"),
        (["--host", "0.0.0.0"], "without encryption; --expose allows it"),
        (["--host", "nowhere.invalid", "--expose"], "cannot listen on nowhere.invalid, port 5000"),
        (["--allow", "http://drsim"], "--allow must be a host name or an address, without scheme and port"),
    ],
)
def test_wrong_use_gets_one_message(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *words]) == 4
    assert message in capsys.readouterr().err
