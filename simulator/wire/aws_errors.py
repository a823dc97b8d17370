"""Errors as AWS clients read them: in the protocol of the request, JSON or XML."""

import json
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

_XML_SERVICES: Final = frozenset({"s3", "route53", "cloudfront"})
"""Services whose protocol is rest-xml. Those with the query protocol are known by their form."""


def error_response(environ: Mapping[str, Any], service: str, status: int, code: str, message: str) -> Response:
    """An error of a service; botocore retries none below 500, and no 501."""
    is_form = "Action=" in environ.get("QUERY_STRING", "") or "form-urlencoded" in environ.get("CONTENT_TYPE", "")
    if service in _XML_SERVICES or (is_form and "HTTP_X_AMZ_TARGET" not in environ):
        error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        roots = {"s3": "{}", "ec2": "<Response><Errors>{}</Errors></Response>"}
        text = roots.get(service, "<ErrorResponse>{}</ErrorResponse>").format(error)
        return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', status=status, mimetype="text/xml")
    answer = Response(
        json.dumps({"__type": code, "message": message}) + "\n", status=status, mimetype="application/json"
    )
    answer.headers["x-amzn-errortype"] = code.rpartition("#")[2]
    return answer
