# SPDX-License-Identifier: MIT
"""A server on Python's ssl that takes the end of the TLS session for the end of the connection.

--shape=unwrap: it waits for the client's word, and the client only hangs up; first: it ends the
session first; freed: it reads up to the end; handshake: it never comes back to a handshake that
needs more than has come.
--fixed: it closes.
"""

import ssl
import socket
import sys

import target

CLIENTS = 3
SHAPES = {"unwrap": ("tls-not-closed", "leak", "cut"),
          "first": ("tls-not-closed", "leak", "talk"),
          "freed": ("eof-read-not-closed", "leak", "cut"),
          "handshake": ("tls-handshake-stalled", "stall", "bits")}
cause, verdict, manner = SHAPES[target.shape()]
kept = []


def make_context():
    """Without a certificate: anonymous key exchange, which TLS 1.3 does not have."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    return made


def let_go(fd):
    target.say("GO")
    target.wait_fin(fd)


def start_handshake(connection):
    target.wait_input(connection.fileno())
    connection.setblocking(False)
    tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        let_go(tls.fileno())
    return tls


def serve(connection):
    if target.shape() == "handshake":
        return start_handshake(connection)
    tls = context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True)
    assert tls.recv(100) == b"hello"
    if manner == "cut":
        let_go(tls.fileno())
    if target.shape() == "freed":
        assert tls.recv(100) == b""
        return tls
    try:
        return tls.unwrap()
    except OSError:  # the end came without the client's word
        return tls


context = make_context()
listener = socket.create_server(("127.0.0.1", 0))
target.expect(cause, verdict, CLIENTS)
target.say(f"TLS_CLIENTS {listener.getsockname()[1]} {CLIENTS} {manner}")
for _ in range(CLIENTS):
    kept.append(serve(listener.accept()[0]))
    target.wait_fin(kept[-1].fileno())
    if target.is_fixed():
        kept.pop().close()
target.hold()
sys.exit()
