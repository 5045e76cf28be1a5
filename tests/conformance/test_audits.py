import json

from tests.conformance.conftest import Node
from tests.programs import Served

AUDITS = 61


def test_all_audits_of_graphql_http_pass(served: Served, node: Node) -> None:
    ran = node("tests/conformance/audit.js", f"{served.url}/graphql")
    assert ran.returncode == 0, ran.stderr
    audits = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == AUDITS
