"""Holds our AWS endpoint to botocore's models of the services: usage botocore-models.py URL ROLE_ARN WEB_IDENTITY_TOKEN

For each operation, with a good input: the answer has the members and types of the model. Then, for each member of the model's input,
with each value that the model excludes: it is refused. Prints what fails, and the counts.
"""
import base64
import json
import re
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

URL, ROLE, WEB_IDENTITY_TOKEN = sys.argv[1:]
VERSION, FUNCTION = "v" * 32, "arn:aws:lambda:eu-central-1:111122223333:function:contract"
PARAMETER, SECRET = {"Name": "/contract/models"}, {"SecretId": "contract-models"}
# In this order. What one creates is used by the next.
CALLS = (
    ("ssm", "PutParameter", {**PARAMETER, "Value": "v", "Type": "SecureString", "Tags": [{"Key": "a", "Value": "b"}]}),
    ("ssm", "PutParameter", {**PARAMETER, "Value": "v", "Type": "SecureString", "Overwrite": True, "Tier": "Intelligent-Tiering"}),
    ("ssm", "GetParameter", {**PARAMETER, "WithDecryption": True}),
    ("ssm", "GetParameters", {"Names": [PARAMETER["Name"], "/contract/none"], "WithDecryption": True}),
    ("ssm", "GetParameterHistory", {**PARAMETER, "WithDecryption": True}),
    ("ssm", "AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": PARAMETER["Name"], "Tags": [{"Key": "a", "Value": "b"}]}),
    ("ssm", "DeleteParameters", {"Names": [PARAMETER["Name"]]}),
    ("secretsmanager", "CreateSecret", {"Name": SECRET["SecretId"], "SecretString": "one"}),
    ("secretsmanager", "PutSecretValue", {**SECRET, "SecretString": "two", "ClientRequestToken": VERSION, "VersionStages": ["b"]}),
    ("secretsmanager", "UpdateSecretVersionStage", {**SECRET, "VersionStage": "c", "MoveToVersionId": VERSION}),
    ("secretsmanager", "RotateSecret", {**SECRET, "RotationLambdaARN": FUNCTION, "RotateImmediately": False}),
    ("secretsmanager", "GetSecretValue", {**SECRET, "VersionStage": "AWSCURRENT"}),
    ("secretsmanager", "DescribeSecret", SECRET),
    ("secretsmanager", "ListSecretVersionIds", SECRET),
    ("lambda", "Invoke", {"FunctionName": "contract", "Payload": b"{}"}),
    ("sts", "GetCallerIdentity", {}),
    ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "job", "DurationSeconds": 900}),
    ("sts", "AssumeRoleWithWebIdentity", {"RoleArn": ROLE, "RoleSessionName": "job", "WebIdentityToken": WEB_IDENTITY_TOKEN}),
)
VALIDATION = {"ValidationException", "ValidationError", "SerializationException"}
TYPES = {
    "string": str, "integer": int, "long": int, "boolean": bool, "timestamp": (int, float), "blob": str, "list": list, "map": dict,
    "structure": dict,
}


def wrong_values(shape):
    """Values that the model excludes."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long"):
        yield from ([low - 1] if low is not None else []) + ([high + 1] if high is not None else [])
    if shape.type_name == "string":
        classes = {"L": "a-zA-Z", "N": "0-9", "Z": " "}
        pattern = re.sub(r"\\p\{(\w)\}", lambda found: classes[found[1]], shape.metadata.get("pattern") or ".*")
        yield from ["x" * (low - 1)] if low else []
        yield from ["x" * (high + 1)] if high and high <= 100_000 else []
        yield from ["NoSuchValue"] if shape.enum else []
        size = max(low or 1, 4)
        yield from [text for text in (" " * size, "*" * size) if not re.fullmatch(pattern, text, re.DOTALL)][:1]
    if shape.type_name == "list":
        yield from [[]] if low else []
        yield from [["x"] * (high + 1)] if high and shape.member.type_name == "string" else []
        yield from ([value] for value in wrong_values(shape.member))
    if shape.type_name == "structure":
        good = {name: "good" for name in shape.required_members}
        yield from ({**good, name: value} for name, member in shape.members.items() for value in wrong_values(member))


def problems(shape, value, path):
    """Where an answer is not what the model says."""
    if not isinstance(value, TYPES.get(shape.type_name, object)):
        yield f"{path} is no {shape.type_name}"
    elif shape.type_name == "structure":
        for name, member in value.items():
            if name not in shape.members:
                yield f"{path}.{name} is not in the model"
            else:
                yield from problems(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from problems(shape.member, member, f"{path}[]")
    elif shape.type_name == "map":
        for member in value.values():
            yield from problems(shape.value, member, f"{path}{{}}")


def refusal(client, operation, request):
    """The status and the code of an error; None if the call succeeds."""
    try:
        client._make_api_call(operation, request)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return None


def main():
    passed, failed, answer = 0, [], {}
    session = botocore.session.get_session()
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    for service, operation, request in CALLS:
        client = session.create_client(service, "eu-central-1", endpoint_url=URL, config=config)
        client.meta.events.register("before-parse", lambda response_dict, **_: answer.update(response_dict))
        model = client.meta.service_model.operation_model(operation)
        results = []
        refused = refusal(client, operation, request)
        if refused:
            results.append((f"is refused: {refused}", False))
        elif client.meta.service_model.protocol == "json":
            found = list(problems(model.output_shape, json.loads(answer["body"]), "answer")) if model.output_shape else []
            results.append((f"answers {found}", not found))
        members = model.input_shape.members if model.input_shape else {}
        codes = VALIDATION | {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}

        def is_refusal(status, code):
            return 400 <= status < 500 and code in codes

        for name, shape in members.items():
            # A request without a part of its path is another request.
            for value in (value for value in wrong_values(shape) if value or "location" not in shape.serialization):
                status, code = refusal(client, operation, {**request, name: value}) or (200, "")
                results.append((f"{name}={str(value)[:40]!r}: {status} {code}", is_refusal(status, code)))
        for name in (name for name in members if name in model.input_shape.required_members and service != "lambda"):
            status, code = refusal(client, operation, {k: v for k, v in request.items() if k != name}) or (200, "")
            results.append((f"without {name}: {status} {code}", is_refusal(status, code)))
        passed += sum(good for _, good in results)
        failed += [f"{service} {operation} {what}" for what, good in results if not good]
    print("\n".join(failed))
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(bool(failed))


main()
