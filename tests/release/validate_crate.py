"""Validate an RO-Crate without a network: ``python validate_crate.py CRATE CONTEXT.jsonld PROFILE SEVERITY``.

Runs in the environment of the validators; prints one issue a line.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import requests
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

crate, context, profile, severity = sys.argv[1:]


def get(_: object, url: str, **__: Any) -> requests.Response:
    """The context of RO-Crate, from a file; nothing else is answered."""
    answer = requests.Response()
    answer.url, answer.status_code = url, 404
    if url == "https://w3id.org/ro/crate/1.3/context":
        answer.status_code, answer._content = 200, Path(context).read_bytes()
        answer.headers["Content-Type"] = "application/ld+json"
    return answer


HttpRequester.get = HttpRequester.head = get
found = services.validate(
    services.ValidationSettings(
        rocrate_uri=crate, profile_identifier=profile, requirement_severity=models.Severity[severity]
    )
)
for issue in found.get_issues():
    sys.stdout.write(f"{issue.severity.name} {issue.check.identifier} {issue.message}\n")
