"""Runs the AWS CLI without the time that Python takes to load it: each call is a fork of a process that has it loaded.

usage: aws-cli-server.py SOCKET, under the interpreter of an AWS CLI. Ends with its standard input. A client sends its
arguments, environment and directory as JSON, with its three standard descriptors, and gets the exit status.
"""
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import traceback


def load() -> None:
    """Imports what a call needs. Makes no call: version 2 would start threads, which do not survive a fork."""
    for name in ("clidriver", "formatter", "handlers"):
        importlib.import_module(f"awscli.{name}")
    # Version 2 has a botocore of its own.
    package = "awscli.botocore" if importlib.util.find_spec("awscli.botocore") else "botocore"
    for name in ("auth", "client", "credentials", "endpoint", "httpsession", "parsers", "retries.standard", "session"):
        importlib.import_module(f"{package}.{name}")


def serve(connection: socket.socket) -> None:
    """Becomes the AWS CLI for one call."""
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not message.endswith(b"\n"):
        message += connection.recv(1 << 20)
    call = json.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # The CLI names its own data there when it is loaded.
    data_path = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(call["environment"], AWS_DATA_PATH=data_path)
    os.chdir(call["directory"])
    sys.argv = ["aws", *call["arguments"]]
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
