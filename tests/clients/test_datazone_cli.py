"""The aws CLI, versions 1 and 2, against a real server that checks its signatures.

The reference page of post-time-series-data-points lists its options; each has a test of its name here. Calls are few,
as each takes a second: one call shows many options.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from datazone_clients import (
    CONTENT,
    DOMAIN,
    KEY_ID,
    PREFIX,
    ROOT,
    SECRET,
    SETTINGS,
    SUMMARY,
    TYPE,
    Proxy,
    environment,
    installed,
    proxied,
)
from serverprocess import ServerProcess, running

POST = "post-time-series-data-points"
LIST = "list-time-series-data-points"
GET = "get-time-series-data-point"
DELETE = "delete-time-series-data-points"
ID = "[a-z0-9]{14}"
TOKEN = "11111111-2222-4333-8444-555555555555"
FORMS = json.dumps(
    [
        {
            "formName": "dq é",
            "typeIdentifier": TYPE,
            "typeRevision": "8",
            "timestamp": "2024-01-02T03:04:05.678901Z",
            "content": CONTENT,
        }
    ]
)


def program(version: int) -> Path:
    if version == 1:
        return installed(Path(sys.executable).parent / "aws")
    return installed(ROOT / ".clients" / "aws-cli-2" / "dist" / "aws")


class Cli:
    def __init__(self, version: int, url: str, home: Path) -> None:
        self.version = version
        self.url = url
        self.environment = environment(home)
        self.failed = {1: 255, 2: 254}[version]

    def command(self, operation: str, *options: str, entity: str = "asset01", url: str = "") -> list[str]:
        where = ["--domain-identifier", DOMAIN, "--entity-identifier", entity, "--entity-type", "ASSET"]
        url_options = ["--endpoint-url", url or self.url]
        return [str(program(self.version)), "datazone", operation, *where, *url_options, *options]

    def run(self, command: Sequence[str], status: int = 0, /, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env={**self.environment, **more}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stderr
        return done

    def json(self, operation: str, *options: str, entity: str = "asset01") -> Any:
        answer = self.run(self.command(operation, *options, entity=entity)).stdout
        return json.loads(answer) if answer else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("cli") / "data", **SETTINGS) as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cli(server: ServerProcess, home: Path) -> Cli:
    return Cli(2, f"http://127.0.0.1:{server.port}{PREFIX}", home)


# both versions


@pytest.mark.parametrize("version", [1, 2])
def test_post_list_get_delete(version: int, server: ServerProcess, home: Path) -> None:
    cli = Cli(version, f"http://127.0.0.1:{server.port}", home)
    entity = f"life-{version}"
    # Version 1 drops the fraction before it sends, and prints the number as it came.
    stamps: dict[int, list[Any]] = {
        1: [1704164645 + at for at in (2, 1, 0)],
        2: [f"2024-01-02T03:04:0{5 + at}.678901+00:00" for at in (2, 1, 0)],
    }
    forms = json.loads(FORMS)
    posted = [{**forms[0], "timestamp": f"2024-01-02T03:04:0{5 + at}.678901Z"} for at in range(3)]
    answer = cli.json(POST, "--forms", json.dumps(posted), entity=entity)
    assert (answer["domainId"], answer["entityId"], answer["entityType"]) == (DOMAIN, entity, "ASSET")
    assert [form["timestamp"] for form in answer["forms"]] == stamps[version][::-1]
    assert [form["content"] for form in answer["forms"]] == [CONTENT] * 3

    # It pages by itself, and cuts at max-items.
    listed = cli.json(LIST, "--form-name", "dq é", "--page-size", "2", entity=entity)
    assert [item["timestamp"] for item in listed["items"]] == stamps[version]
    assert {item["contentSummary"] for item in listed["items"]} == {SUMMARY}
    cut = cli.json(LIST, "--form-name", "dq é", "--max-items", "1", "--started-at", "2024-01-02", entity=entity)
    assert [item["id"] for item in cut["items"]] == [listed["items"][0]["id"]]
    rest = cli.json(
        LIST, "--form-name", "dq é", "--starting-token", cut["NextToken"], "--started-at", "2024-01-02", entity=entity
    )
    assert rest["items"] == listed["items"][1:]

    newest = listed["items"][0]["id"]
    got = cli.json(GET, "--form-name", "dq é", "--identifier", newest, entity=entity)
    whose = {name: answer[name] for name in ("domainId", "entityId", "entityType")}
    assert got == {**whose, "formName": "dq é", "form": answer["forms"][2]}

    assert cli.json(DELETE, "--form-name", "dq é", entity=entity) is None
    missing = cli.run(cli.command(GET, "--form-name", "dq é", "--identifier", newest, entity=entity), cli.failed)
    said = (
        "An error occurred (ResourceNotFoundException) when calling the GetTimeSeriesDataPoint operation: Time series"
    )
    assert said in missing.stderr


@pytest.mark.parametrize("version", [1, 2])
def test_get_form_type_as_the_user_guide_calls_it(version: int, server: ServerProcess, home: Path) -> None:
    cli = Cli(version, f"http://127.0.0.1:{server.port}", home)
    asked = ["get-form-type", "--domain-identifier", DOMAIN, "--form-type-identifier", TYPE, "--endpoint-url", cli.url]
    printed = ["--output", "text", "--query", "model.smithy"]
    smithy = cli.run([str(program(version)), "datazone", *asked, *printed]).stdout
    assert "structure DataQualityResultFormType {" in smithy


def test_version_1_posts_its_own_skeleton(server: ServerProcess, home: Path) -> None:
    cli = Cli(1, f"http://127.0.0.1:{server.port}", home)
    bare = [str(program(1)), "datazone", POST]
    skeleton = json.loads(cli.run([*bare, "--generate-cli-skeleton"]).stdout)
    filled = json.dumps(filled_in(skeleton, "skeleton-1"))
    command = [*bare, "--cli-input-json", filled, "--endpoint-url", cli.url, "--output", "text"]
    printed = cli.run(command).stdout.splitlines()
    assert printed[0].split("\t") == [DOMAIN, "skeleton-1", "LISTING"]
    assert re.fullmatch(rf"FORMS\t\{{}}\tf\t{ID}\t0\tt\t1", printed[1])


def filled_in(skeleton: dict[str, Any], entity: str) -> dict[str, Any]:
    """What a person writes into the gaps; the skeleton's own timestamp stays."""
    assert set(skeleton) == {"domainIdentifier", "entityIdentifier", "entityType", "forms", "clientToken"}
    [form] = skeleton["forms"]
    form |= {"formName": "f", "typeIdentifier": "t", "typeRevision": "1", "content": "{}"}
    skeleton |= {"domainIdentifier": DOMAIN, "entityIdentifier": entity, "entityType": "LISTING"}
    skeleton["clientToken"] = f"token-of-{entity}"
    return skeleton


# the options of version 2, in the order of its reference page


class Called:
    """One call with most of the options."""

    def __init__(self, cli: Cli, proxy: Proxy) -> None:
        options = ["--client-token", TOKEN, "--forms", FORMS, "--debug", "--no-paginate", "--output", "json"]
        options += ["--region", "eu-west-1", "--color", "off", "--cli-read-timeout", "7", "--cli-connect-timeout", "9"]
        options += ["--cli-binary-format", "raw-in-base64-out", "--no-cli-pager", "--no-cli-auto-prompt"]
        done = cli.run(cli.command(POST, *options, url=proxy.url + PREFIX), AWS_PAGER="false", AWS_CLI_AUTO_PROMPT="on")
        self.answer = json.loads(done.stdout)
        self.debug = done.stderr
        [(self.line, self.headers, body)] = proxy.seen
        self.body = json.loads(body)


@pytest.fixture(scope="module")
def called(cli: Cli, server: ServerProcess) -> Iterator[Called]:
    with proxied(server) as proxy:
        yield Called(cli, proxy)


def test_option_client_token(called: Called, cli: Cli) -> None:
    assert called.body["clientToken"] == TOKEN
    assert cli.json(POST, "--client-token", TOKEN, "--forms", FORMS) == called.answer, "the first answer again"


def test_options_domain_identifier_and_entity_identifier_and_entity_type(called: Called) -> None:
    path = f"{PREFIX}/v2/domains/{DOMAIN}/entities/ASSET/asset01/time-series-data-points"
    assert called.line == f"POST {path}"
    assert {name: called.answer[name] for name in ("domainId", "entityId", "entityType")} == {
        "domainId": DOMAIN,
        "entityId": "asset01",
        "entityType": "ASSET",
    }


def test_option_forms(called: Called) -> None:
    [form] = called.answer["forms"]
    assert re.fullmatch(ID, form["id"])
    [sent] = json.loads(FORMS)
    assert form == {**sent, "timestamp": "2024-01-02T03:04:05.678901+00:00", "id": form["id"]}


def test_option_forms_in_shorthand(cli: Cli) -> None:
    one = (
        f"content='{{\"a\":1}}',formName=short,timestamp=2024-01-02T03:04:05+01:00,typeIdentifier={TYPE},typeRevision=8"
    )
    answer = cli.json(
        POST, "--forms", one, f"formName=short,timestamp=1704164645.5,typeIdentifier={TYPE}", entity="short"
    )
    first, second = answer["forms"]
    assert (first["content"], first["timestamp"]) == ('{"a":1}', "2024-01-02T02:04:05+00:00")
    assert "content" not in second
    assert second["timestamp"] == "2024-01-02T03:04:05.500000+00:00"


def test_options_cli_input_json_and_generate_cli_skeleton(cli: Cli, tmp_path: Path) -> None:
    bare = [str(program(2)), "datazone", POST]
    skeleton = json.loads(cli.run([*bare, "--generate-cli-skeleton", "input"]).stdout)
    file = tmp_path / "input.json"
    file.write_text(json.dumps(filled_in(skeleton, "ignored")))
    # What stands on the command line wins.
    command = [
        *bare,
        "--cli-input-json",
        f"file://{file}",
        "--entity-identifier",
        "skeleton-2",
        "--endpoint-url",
        cli.url,
    ]
    answer = json.loads(cli.run(command).stdout)
    assert (answer["entityId"], answer["entityType"]) == ("skeleton-2", "LISTING")
    assert answer["forms"][0]["timestamp"] == "1970-01-01T00:00:00+00:00"
    shape = json.loads(cli.run([*cli.command(POST), "--forms", "[]", "--generate-cli-skeleton", "output"]).stdout)
    assert set(shape) == set(answer)
    assert set(shape["forms"][0]) == set(answer["forms"][0])


def test_option_cli_input_yaml(cli: Cli) -> None:
    bare = [str(program(2)), "datazone", POST]
    skeleton = yaml.safe_load(cli.run([*bare, "--generate-cli-skeleton", "yaml-input"]).stdout)
    text = yaml.safe_dump(filled_in(skeleton, "yaml"))
    answer = yaml.safe_load(
        cli.run([*bare, "--cli-input-yaml", text, "--endpoint-url", cli.url, "--output", "yaml"]).stdout
    )
    assert (answer["entityId"], answer["entityType"]) == ("yaml", "LISTING")
    assert answer["forms"][0]["formName"] == "f"


def test_option_debug(called: Called) -> None:
    assert "botocore.parsers - DEBUG - Response headers" in called.debug
    assert "x-amzn-requestid" in called.debug.lower()


def test_option_endpoint_url(called: Called, server: ServerProcess) -> None:
    assert called.headers["host"] != f"127.0.0.1:{server.port}", "it went where the option says"
    assert called.line.startswith(f"POST {PREFIX}/v2/domains/")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = [
        "-keyout",
        str(key),
        "-out",
        str(certificate),
        "-subj",
        "/CN=test",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *kind, *made], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@pytest.mark.peer("openssl")
def test_option_no_verify_ssl(cli: Cli, server: ServerProcess, certificate: tuple[ssl.SSLContext, Path]) -> None:
    with proxied(server, certificate[0]) as proxy:
        command = cli.command(POST, "--forms", "[]", "--no-verify-ssl", url=proxy.url)
        assert json.loads(cli.run(command).stdout)["forms"] == []


@pytest.mark.peer("openssl")
def test_option_ca_bundle(cli: Cli, server: ServerProcess, certificate: tuple[ssl.SSLContext, Path]) -> None:
    with proxied(server, certificate[0]) as proxy:
        command = cli.command(POST, "--forms", "[]", "--ca-bundle", str(certificate[1]), url=proxy.url)
        assert json.loads(cli.run(command).stdout)["forms"] == []


def test_option_no_paginate(called: Called, cli: Cli) -> None:
    assert len(called.answer["forms"]) == 1, "a post has no pages"
    [posted] = json.loads(FORMS)
    cli.json(POST, "--forms", json.dumps([posted] * 51), entity="pages")
    answer = cli.json(LIST, "--form-name", "dq é", "--no-paginate", entity="pages")
    assert len(answer["items"]) == 50
    assert answer["nextToken"]


@pytest.mark.parametrize("output", ["json", "text", "table", "yaml", "yaml-stream"])
def test_option_output(output: str, called: Called, cli: Cli) -> None:
    command = cli.command(POST, "--client-token", TOKEN, "--forms", FORMS, "--output", output)
    printed = cli.run(command).stdout if output != "json" else json.dumps(called.answer)
    [form] = called.answer["forms"]
    if output == "json":
        assert json.loads(printed) == called.answer
    elif output == "yaml":
        assert yaml.safe_load(printed) == called.answer
    elif output == "yaml-stream":
        assert yaml.safe_load(printed) == [called.answer]
    elif output == "text":
        cells = [CONTENT, "dq é", form["id"], form["timestamp"], TYPE, "8"]
        assert printed.splitlines() == [f"{DOMAIN}\tasset01\tASSET", "FORMS\t" + "\t".join(cells)]
    else:
        rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in printed.splitlines()}
        assert {(name, str(value)) for name, value in form.items()} <= rows


def test_option_query(called: Called, cli: Cli) -> None:
    command = cli.command(POST, "--client-token", TOKEN, "--forms", FORMS, "--query", "forms[].[id,content]")
    assert json.loads(cli.run(command).stdout) == [[called.answer["forms"][0]["id"], CONTENT]]


def test_option_profile(cli: Cli, home: Path) -> None:
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "credentials").write_text(
        f"[other]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n[wrong]\naws_access_key_id = "
        f"{KEY_ID}\naws_secret_access_key = guess\n"
    )
    cleared = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = cli.run(cli.command(POST, "--forms", "[]", "--profile", "other"), **cleared)
    assert json.loads(done.stdout)["forms"] == []
    refused = cli.run(cli.command(POST, "--forms", "[]", "--profile", "wrong"), cli.failed, **cleared)
    assert "aws: [ERROR]: An error occurred (InvalidSignatureException)" in refused.stderr
    assert "The request signature we calculated does not match the signature you provided" in refused.stderr


def test_option_region(called: Called) -> None:
    assert "/eu-west-1/datazone/aws4_request" in called.headers["authorization"]


def test_option_version(cli: Cli) -> None:
    assert cli.run([str(program(2)), "--version"]).stdout.startswith("aws-cli/2.")


def test_option_color(cli: Cli) -> None:
    printed = cli.run(cli.command(POST, "--forms", FORMS, "--output", "table", "--color", "on", entity="color")).stdout
    assert "\x1b[" in printed


def test_option_no_sign_request(cli: Cli) -> None:
    refused = cli.run(cli.command(POST, "--forms", "[]", "--no-sign-request"), cli.failed)
    said = "(MissingAuthenticationTokenException) when calling the PostTimeSeriesDataPoints operation"
    assert said in refused.stderr


def test_option_no_sign_request_where_nothing_is_checked(cli: Cli, tmp_path: Path) -> None:
    with running(tmp_path / "data") as open_to_all:
        command = cli.command(POST, "--forms", FORMS, "--no-sign-request", url=f"http://127.0.0.1:{open_to_all.port}")
        assert json.loads(cli.run(command).stdout)["forms"][0]["formName"] == "dq é"


def test_options_cli_read_timeout_and_cli_connect_timeout(called: Called) -> None:
    assert re.search(r"Setting datazone timeout as \(9, 7\)", called.debug)


def test_option_cli_binary_format(called: Called) -> None:
    assert called.answer["forms"][0]["content"] == CONTENT, "this operation has no binary member"


def test_option_no_cli_pager(called: Called) -> None:
    assert called.answer, "the pager of the environment is `false`, which would have shown nothing"


def test_option_no_cli_auto_prompt(called: Called) -> None:
    assert called.answer, "the environment asks for the prompt, which needs a terminal"


def test_option_cli_auto_prompt(cli: Cli) -> None:
    """In a terminal: it shows the command, and the enter key runs it."""
    forms = f"formName=f,typeIdentifier={TYPE},timestamp=1"
    command = cli.command(POST, "--forms", forms, "--cli-auto-prompt", "--no-cli-pager", entity="prompt")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, {**cli.environment, "TERM": "xterm"})
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            shown += piece
            if b"\x1b[6n" in piece:
                os.write(terminal, b"\x1b[1;1R")  # where the cursor is
        elif b"Execute Command" in shown:
            os.write(terminal, b"\r")  # the first may choose a completion
            time.sleep(0.5)
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, shown[-2000:]
    assert len(cli.json(LIST, "--form-name", "f", entity="prompt")["items"]) == 1
