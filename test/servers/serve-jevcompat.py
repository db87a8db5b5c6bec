"""Serves the mock of jevcompat once without a fault, and once with each of its faults.

    python serve-jevcompat.py PORT KEY

`GET /` of the port gives the address of each by the name of its fault; without one the name is empty. A mock whose fault
is about keys wants the key KEY.
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from jevcompat.mock import FAULTS, MockConfig, make_server

port, key = sys.argv[1:]
NEED_KEY = {"auth-x-api-key", "auth-plain", "auth-invalid-403-text"}

addresses = {}
for fault in ["", *FAULTS]:
    config = MockConfig(faults=frozenset([fault] if fault else []), key=key if fault in NEED_KEY else None)
    server = make_server(config)
    addresses[fault] = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()


class Addresses(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(addresses).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(port)), Addresses).serve_forever()
