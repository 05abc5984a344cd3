"""Hands a call of the AWS CLI to server.py. usage: client.py SOCKET [argument ...]

Runs for each call: importing `socket` and `json` would double its time.
"""
import _socket
import marshal
import os
import sys
import time


def connect() -> _socket.socket:
    for _ in range(1200):
        try:
            connection = _socket.socket(_socket.AF_UNIX)
            connection.connect(sys.argv[1])
            return connection
        except OSError:
            # Not there yet, or more callers at once than it has room for.
            time.sleep(0.05)
    sys.exit("the process that has the AWS CLI loaded does not answer")


# A descriptor that the caller closed is closed for the AWS CLI too, as far as Python lets it.
descriptors = b""
for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, mode)
    descriptors += number.to_bytes(4, sys.byteorder)
message = marshal.dumps((sys.argv[2:], dict(os.environ), os.getcwd()))
connection = connect()
sent = connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
connection.sendall(message[sent:])
connection.shutdown(_socket.SHUT_WR)
status = connection.recv(16)
sys.exit(int(status) if status else 255)
