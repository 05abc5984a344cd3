"""Runs MiniStack, corrected in memory: docs/development/e2e.md says where it differs from AWS.

- GetParameters and DeleteParameters are allowed for each parameter that they name. MiniStack asks for `*`.
- A request on loopback counts as sent by TLS: the CDK's bucket denies other requests.
"""
import json
import re

from ministack import app
from ministack.core import iam_actions, iam_evaluator

resource_arn_of, enforce, pin_request_origin = (
    iam_actions.extract_resource_arn, iam_evaluator.enforce, app.pin_request_origin)


def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
    """The ARNs of all that the request names, in lines."""
    def arn_of(body):
        return resource_arn_of(service, method, path, headers, body, query_params, region, account_id)

    names = re.search(rb'"Names": *\[', body) and json.loads(body)["Names"] if service == "ssm" else None
    return "\n".join(arn_of(json.dumps({"Name": name}).encode()) for name in names) if names else arn_of(body)


def enforce_each(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    """The first refusal for one of the ARNs."""
    refusals = (enforce(access_key_id, iam_action, service, region, arn, service_context) for arn in resource_arn.split("\n"))
    return next(filter(None, refusals), None)


iam_actions.extract_resource_arn = extract_resource_arn
iam_evaluator.enforce = enforce_each
app.pin_request_origin = lambda address, _: pin_request_origin(address, True)
app.main()
