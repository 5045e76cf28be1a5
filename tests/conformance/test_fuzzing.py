"""Whatever schemathesis makes of the schema is answered, and nothing is the server's fault."""

import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.graphql import nodes

from tests.programs import ROOT, Served

EXAMPLES = os.environ.get("EXAMPLES")
"""How many for each query, made by chance; always the same few where it is not set."""

HASHES = st.one_of(
    st.integers(0, 2**64 - 1).map("{:016x}".format).map(nodes.String),
    st.integers(-1, 2**64).map(nodes.Int),
    st.text(max_size=20).map(nodes.String),
)
schemathesis.graphql.scalar("Hash", HASHES)

schema = schemathesis.graphql.from_path(str(ROOT / "docs" / "schema.graphql"))


@schema.parametrize()
@settings(
    max_examples=int(EXAMPLES or 50),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_fits_the_schema_is_the_servers_fault(
    case: schemathesis.Case[Any], served: Served
) -> None:
    case.call_and_validate(base_url=f"{served.url}/graphql", checks=[not_a_server_error])
