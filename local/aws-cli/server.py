"""Runs the AWS CLI without the time that Python takes to load it: each call is a fork of a process that has it loaded.

usage: server.py SOCKET [service ...], under the interpreter of an AWS CLI. Ends with its standard input. A client sends its
arguments, environment and directory, with its three standard descriptors, and gets the exit status.
"""
import functools
import importlib
import marshal
import os
import select
import signal
import socket
import sys
import traceback


SERVICES = ("ssm", "secretsmanager", "lambda", "sts")
MODELS = ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1")
DATA = ("endpoints", "partitions", "_retry", "sdk-default-configuration")


def load() -> None:
    """Imports what a call needs, and reads the services' models, which is most of a call's time. Makes no call: version 2
    would start threads, which do not survive a fork."""
    for name in ("clidriver", "formatter", "handlers"):
        importlib.import_module(f"awscli.{name}")
    # Each version has a botocore of its own, which the CLI gives this name.
    for name in ("auth", "client", "credentials", "endpoint", "httpsession", "parsers", "retries.standard", "session"):
        importlib.import_module(f"botocore.{name}")
    loaders = importlib.import_module("botocore.loaders")
    remember(loaders.JSONFileLoader, "load_file")
    remember(loaders.Loader, "list_available_services")
    session = sys.modules["botocore.session"].get_session()
    session.get_available_services()
    loader = session.get_component("data_loader")
    for service in (*SERVICES, *sys.argv[2:]):
        for model in MODELS:
            try:
                loader.load_service_model(service, model)
            except loaders.DataNotFoundError:
                pass
    for name in DATA:
        try:
            loader.load_data(name)
        except loaders.DataNotFoundError:
            pass


def remember(owner: type, name: str) -> None:
    """Has the method answer from memory when it is called again with these arguments, by whichever object."""
    method = getattr(owner, name)
    answers: dict = {}

    @functools.wraps(method)
    def remembered(self, *args, **kwargs):
        key = (*args, *kwargs.items())
        if key not in answers:
            answers[key] = method(self, *args, **kwargs)
        return answers[key]

    setattr(owner, name, remembered)


def serve(connection: socket.socket) -> None:
    """Becomes the AWS CLI for one call."""
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while more := connection.recv(1 << 20):
        message += more
    arguments, environment, directory = marshal.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # The CLI names its own data there when it is loaded.
    data_path = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(environment, AWS_DATA_PATH=data_path)
    os.chdir(directory)
    # Nor may the sessions of roles that it takes be kept below the HOME in which it was loaded.
    sys.modules["awscli.customizations.assumerole"].CACHE_DIR = os.path.expanduser("~/.aws/cli/cache")
    sys.argv = ["aws", *arguments]
    from awscli import clidriver

    try:
        status = clidriver.main()
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(b"%d" % (status or 0))


def main() -> None:
    path = sys.argv[1]
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(200)
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in readable:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            try:
                serve(connection)
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        connection.close()


main()
