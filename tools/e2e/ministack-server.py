"""Runs MiniStack, corrected in memory where it differs from AWS: docs/development/e2e.md."""
import json

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import secretsmanager, ssm

resource_arn_of, enforce, pin_request_origin = (
    iam_actions.extract_resource_arn, iam_evaluator.enforce, app.pin_request_origin)


class ResourceArn(str):
    """What MiniStack takes for the resource of a call, with everything that the call must be allowed."""
    checks: list[tuple[str, str, dict]]


def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
    """MiniStack authorizes a call on one name or on `*`. AWS: on each name, on the keys and the tags too."""
    arn = ResourceArn(resource_arn_of(service, method, path, headers, body, query_params, region, account_id))
    arn.checks = []

    def check_key(key_arn, action, context_name, resource_arn):
        # AWS's own keys allow it.
        if key_arn and key_arn.startswith("arn:"):
            via = f"{service}.{region}.amazonaws.com"
            context = {"kms:ViaService": via, f"kms:EncryptionContext:{context_name}": resource_arn}
            arn.checks.append((f"kms:{action}", key_arn, context))

    operation = headers.get("x-amz-target", "").split(".")[-1]
    request = json.loads(body or b"{}") if service in ("ssm", "secretsmanager") else {}
    if operation in ("GetSecretValue", "PutSecretValue"):
        arn.checks.append((f"secretsmanager:{operation}", str(arn), {}))
        secret = next((one for one in secretsmanager._secrets.values() if one["ARN"] == arn), {})
        for action in ("Decrypt",) if operation == "GetSecretValue" else ("GenerateDataKey", "Decrypt"):
            check_key(secret.get("KmsKeyId"), action, "SecretARN", str(arn))
    for name in request.get("Names") or ([request["Name"]] if service == "ssm" and "Name" in request else []):
        # Whether AWS counts a version to the ARN is not documented.
        parameter_arn = f"arn:aws:ssm:{region}:{account_id}:parameter{name.split(':')[0]}"
        arn.checks.append((f"ssm:{operation}", parameter_arn, {}))
        if request.get("Tags"):
            arn.checks.append(("ssm:AddTagsToResource", parameter_arn, {}))
        if operation == "PutParameter":
            action = "GenerateDataKey" if len(request["Value"]) > 4096 else "Encrypt"
            check_key(request.get("KeyId"), action, "PARAMETER_ARN", parameter_arn)
        elif request.get("WithDecryption"):
            stored = ssm._select_parameter(name)[0] or {}
            check_key(stored.get("KeyId"), "Decrypt", "PARAMETER_ARN", parameter_arn)
    return arn


def enforce_each(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    """The first refusal."""
    checks = getattr(resource_arn, "checks", None) or [(iam_action, resource_arn, service_context)]
    refusals = (enforce(access_key_id, action, action.split(":")[0] if context else service, region, arn, context)
                for action, arn, context in checks)
    return next(filter(None, refusals), None)


iam_actions.extract_resource_arn = extract_resource_arn
iam_evaluator.enforce = enforce_each
# The policy of the CDK's bucket denies plain HTTP: on loopback, it counts as TLS.
app.pin_request_origin = lambda address, _: pin_request_origin(address, True)
app.main()
