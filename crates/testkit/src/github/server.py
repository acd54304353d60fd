"""GitHub on this machine, over HTTPS: `server.py CERTIFICATE KEY`.

Orders come as lines of JSON on standard input, answers go as lines of JSON to standard output; the first line says
the port. When standard input ends, so does the server.
"""

import json
import os
import re
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from api import Answer, GitHub, Repository, Request, asset_name

LOCK = threading.RLock()  # held while a request changes anything
FAULTS = []
LOG = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "github"

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        entry = {"method": self.command, "path": self.path, "authorised": None, "status": None, "failed": None,
                 "accept": headers.get("accept"), "body": body.decode("utf-8", "replace")[:65536] if len(body) < 65536 else ""}
        with LOCK:
            LOG.append(entry)
            fault = matching_fault(self.command, self.path)
            entry["failed"] = fault and fault["when"]
            answer = self.answer(headers, body, entry, fault)
        if answer is None:
            self.close_connection = True
            return
        entry["status"] = answer.status
        self.send(answer)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def answer(self, headers, body, entry, fault):
        """`None` for a connection that is to be dropped."""
        github = self.server.github
        if fault and fault["when"] == "half":
            self.leave_half_an_asset(body)
        if not fault or fault["when"] == "after":
            try:
                entry["authorised"] = github.rights(headers)
                github.handle(self.command, self.path, headers, body)
            except Answer as answer:
                if not fault:
                    return answer
        if fault["status"] is None:
            return None
        message = {"message": fault.get("message", "injected")}
        return Answer(fault["status"], message, fault.get("headers"))

    def leave_half_an_asset(self, body):
        """What GitHub leaves when an upload breaks off within its own storage."""
        found = re.fullmatch(r"/api/uploads/repos/([^/]+/[^/]+)/releases/(\d+)/assets\?name=(.+)", self.path)
        repository = self.server.github.repositories[found[1]]
        request = Request(self.server.github, repository, "POST", {}, {}, body, "write")
        name = asset_name(found[3].replace("%2B", "+"))
        request.store(repository.releases[int(found[2])], name, body, state="starter")

    def send(self, answer):
        self.send_response(answer.status)
        limits = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-reset": str(int(time.time()) + 3600)}
        for name, value in {**limits, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.raw)


def matching_fault(method, path):
    """The fault whose turn it is with this request."""
    due = None
    for fault in FAULTS:
        if not (re.fullmatch(fault["method"], method) and re.search(fault["path"], path)):
            continue
        fault["seen"] += 1
        if due is None and fault["nth"] <= fault["seen"] < fault["nth"] + fault["times"]:
            due = fault
    return due


class Orders:
    """What a test may ask of the server; the names are those of the orders."""

    def __init__(self, github):
        self.github = github

    def repository(self, name, private=False):
        self.github.repositories[name] = Repository(name, private)

    def token(self, token, rights):
        self.github.tokens[token] = rights

    def commit(self, repository, hash, parents):
        repository = self.github.repositories[repository]
        repository.parents[hash] = parents
        repository.refs["heads/main"] = hash

    def forget_commit(self, repository, hash):
        """As after a force push, when GitHub has collected its garbage."""
        del self.github.repositories[repository].parents[hash]

    def ref(self, repository, name, hash, annotated=False):
        repository = self.github.repositories[repository]
        if annotated:
            repository.annotated["a" * 40], hash = hash, "a" * 40
        repository.refs[name] = hash

    def release(self, repository, tag, **fields):
        """Makes a release, or changes the fields of the one that is there, past every rule."""
        repository = self.github.repositories[repository]
        releases = [it for it in repository.releases.values() if it["tag_name"] == tag]
        if not releases:
            request = Request(self.github, repository, "POST", {"content-type": "json"}, {}, json.dumps({"tag_name": tag, **fields}), "write")
            try:
                request.create_release()
            except Answer as answer:
                assert answer.status == 201, answer.raw
            releases = [it for it in repository.releases.values() if it["tag_name"] == tag]
        releases[0].update(fields)

    def asset(self, repository, tag, name, file, **fields):
        """Puts the bytes of `file` there under exactly this name."""
        repository = self.github.repositories[repository]
        release = next(it for it in repository.releases.values() if it["tag_name"] == tag)
        with open(file, "rb") as opened:
            asset = Request(self.github, repository, "POST", {}, {}, b"", "write").store(release, name, opened.read())
        asset.update(fields)

    def remove(self, repository, name):
        """Takes the asset out, if it is there."""
        repository = self.github.repositories[repository]
        for number in [it["id"] for it in repository.assets.values() if it["name"] == name]:
            del repository.assets[number], repository.bytes[number]

    def corrupt(self, repository, name):
        """Changes one byte of what is downloaded; what the API says of it stays."""
        repository = self.github.repositories[repository]
        number = next(it["id"] for it in repository.assets.values() if it["name"] == name)
        data = bytearray(repository.bytes[number])
        data[len(data) // 2] ^= 1
        repository.bytes[number] = bytes(data)

    def fault(self, method, path, nth=1, times=1, when="before", **answer):
        """`status` null drops the connection. `when`: before or after the request has taken effect, or half an upload."""
        FAULTS.append({"status": None, **answer, "method": method, "path": path, "nth": nth, "times": times, "when": when, "seen": 0})

    def clear_faults(self):
        FAULTS.clear()

    def requests(self):
        return LOG

    def clear_requests(self):
        LOG.clear()

    def state(self, repository):
        repository = self.github.repositories[repository]
        return {"refs": repository.refs, "releases": list(repository.releases.values()), "assets": list(repository.assets.values())}


def main():
    certificate, key = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    port = server.server_address[1]
    server.github = GitHub(f"https://localhost:{port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(port, flush=True)
    orders = Orders(server.github)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            with LOCK:
                answer = getattr(orders, order.pop("order"))(**order)
                text = json.dumps({"answer": answer})
        except Exception as error:  # an order that makes no sense is the test's mistake, and is told to it
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(text, flush=True)
    # Connections that wait for a client must not keep a server without a test.
    os._exit(0)


main()
