"""What GitHub's REST API does with releases, their assets, tags and histories: requests in, answers out.

The shapes and the rules are those of https://docs.github.com/rest (releases, release assets, git references, compare).
Nothing here knows of sockets; `server.py` does.
"""

import hashlib
import json
import re
import time
from urllib.parse import parse_qs, quote, unquote


class Answer(Exception):
    """An answer; raised where a rule ends the request."""

    def __init__(self, status, body=None, headers=None, raw=None):
        super().__init__(status)
        self.status, self.headers = status, dict(headers or {})
        self.raw = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        if raw is None and body is not None:
            self.headers.setdefault("content-type", "application/json; charset=utf-8")


def refuse(status, message, errors=None, headers=None):
    body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    if errors:
        body["errors"] = [{"resource": resource, "code": code, "field": field} for resource, code, field in errors]
    raise Answer(status, body, headers)


def invalid(resource, code, field):
    refuse(422, "Validation Failed", [(resource, code, field)])


def now():
    """To the second, as GitHub has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def asset_name(name):
    """The name that GitHub gives to an upload: what is special becomes a period."""
    return re.sub(r"[^A-Za-z0-9._+@~-]+", ".", name).strip(".") or "default"


class Repository:
    def __init__(self, name, private=False):
        self.name, self.private = name, private
        self.parents = {}  # commit: its parents
        self.refs = {"heads/main": None}  # without `refs/`
        self.annotated = {}  # the SHA of a tag object: its commit
        self.releases, self.assets, self.bytes = {}, {}, {}

    def ancestors(self, commit):
        found, waiting = set(), [commit]
        while waiting:
            commit = waiting.pop()
            if commit not in found:
                found.add(commit)
                waiting += self.parents[commit]
        return found

    def commit_of(self, text):
        """A commit by its hash, or by a branch's or tag's name."""
        for name in (text, "heads/" + text, "tags/" + text):
            text = self.refs.get(name) or text
        text = self.annotated.get(text, text)
        return text if text in self.parents else None

    def assets_of(self, release):
        return [asset for asset in self.assets.values() if asset["release"] == release["id"]]

    def published(self, tag):
        matching = (it for it in self.releases.values() if it["tag_name"] == tag and not it["draft"])
        return next(matching, None)


class GitHub:
    """All repositories of one host."""

    def __init__(self, base):
        self.base, self.repositories, self.tokens, self.last_id = base, {}, {}, 1000

    def new_id(self):
        self.last_id += 1
        return self.last_id

    # --- who asks

    def rights(self, headers):
        """`write`, `read`, or None for anybody."""
        sent = headers.get("authorization")
        if sent is None:
            return None
        token = re.fullmatch(r"(?:token|bearer) (\S+)", sent.strip(), re.IGNORECASE)
        rights = token and self.tokens.get(token[1])
        if not rights:
            refuse(401, "Bad credentials")
        return rights

    def handle(self, method, target, headers, body):
        path, _, query = target.partition("?")
        rights = self.rights(headers) if path.startswith("/api/") else None
        found = re.fullmatch(r"/api/(v3|uploads)/repos/([^/]+/[^/]+)(/.*)?", path)
        if not found:
            return self.download(method, path)
        if "user-agent" not in headers:
            refuse(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
        repository = self.repositories.get(found[2])
        if repository is None or repository.private and rights is None:
            refuse(404, "Not Found")
        if method not in ("GET", "HEAD") and rights != "write":
            if rights is None:
                refuse(401, "Requires authentication")
            wanted = {"x-accepted-github-permissions": "contents=write"}
            refuse(403, "Resource not accessible by integration", headers=wanted)
        request = Request(self, repository, method, headers, parse_qs(query, keep_blank_values=True), body, rights)
        request.answer(found[1], found[3] or "")

    # --- downloads, for which nobody needs a token

    def download(self, method, path):
        if method not in ("GET", "HEAD"):
            refuse(404, "Not Found")
        stored = re.fullmatch(r"/_objects/([^/]+/[^/]+)/(\d+)", path)
        if stored:
            raise Answer(200, raw=self.repositories[stored[1]].bytes[int(stored[2])], headers={"content-type": "application/octet-stream"})
        found = re.fullmatch(r"/([^/]+/[^/]+)/releases/download/([^/]+)/([^/]+)", path)
        repository = found and self.repositories.get(found[1])
        release = repository and not repository.private and repository.published(unquote(found[2]))
        for asset in repository.assets_of(release) if release else []:
            if asset["name"] == unquote(found[3]) and asset["state"] == "uploaded":
                asset["download_count"] += 1
                raise Answer(302, headers={"location": f"{self.base}/_objects/{repository.name}/{asset['id']}"})
        raise Answer(404, raw=b"Not Found", headers={"content-type": "text/plain; charset=utf-8"})


class Request:
    """One request to the API of one repository."""

    def __init__(self, github, repository, method, headers, query, body, rights):
        self.github, self.repository, self.method, self.headers = github, repository, method, headers
        self.query, self.body, self.rights = query, body, rights

    def answer(self, api, path):
        if api == "uploads":
            routes = [("POST", r"/releases/(\d+)/assets", self.upload)]
        else:
            routes = [
                ("GET", r"", self.describe),
                ("GET", r"/releases", self.list_releases),
                ("POST", r"/releases", self.create_release),
                ("GET", r"/releases/tags/(.+)", self.release_by_tag),
                ("GET", r"/releases/(\d+)", self.get_release),
                ("PATCH", r"/releases/(\d+)", self.edit_release),
                ("DELETE", r"/releases/(\d+)", self.delete_release),
                ("GET", r"/releases/(\d+)/assets", self.list_assets),
                ("GET", r"/releases/assets/(\d+)", self.get_asset),
                ("PATCH", r"/releases/assets/(\d+)", self.edit_asset),
                ("DELETE", r"/releases/assets/(\d+)", self.delete_asset),
                ("GET", r"/git/ref/(.+)", self.get_ref),
                ("GET", r"/git/tags/(\w+)", self.get_tag),
                ("GET", r"/git/commits/(\w+)", self.get_commit),
                ("POST", r"/git/refs", self.create_ref),
                ("PATCH", r"/git/refs/(.+)", self.edit_ref),
                ("GET", r"/compare/(.+)\.\.\.(.+)", self.compare),
            ]
        for method, pattern, handler in routes:
            found = re.fullmatch(pattern, path)
            if found and method == self.method:
                handler(*map(unquote, found.groups()))
        refuse(404, "Not Found")

    # --- what requests carry

    def json(self):
        if "json" not in self.headers.get("content-type", ""):
            refuse(415, "Unsupported Media Type")
        try:
            value = json.loads(self.body)
        except ValueError:
            refuse(400, "Problems parsing JSON")
        if not isinstance(value, dict):
            refuse(400, "Body should be a JSON object")
        return value

    def page(self, items):
        """One page, with the `link` header where there are more."""
        number = lambda name, default: int(self.query.get(name, [default])[0])
        size, page = min(number("per_page", 30), 100), number("page", 1)
        headers = {}
        if len(items) > size * page:
            headers["link"] = f'<{self.github.base}/?per_page={size}&page={page + 1}>; rel="next"'
        raise Answer(200, items[size * (page - 1) : size * page], headers)

    # --- what answers carry

    def url(self, path):
        return f"{self.github.base}/api/v3/repos/{self.repository.name}{path}"

    def shown_release(self, release):
        shown = {key: value for key, value in release.items()}
        shown["url"] = self.url(f"/releases/{release['id']}")
        shown["assets_url"] = shown["url"] + "/assets"
        uploads = f"{self.github.base}/api/uploads/repos/{self.repository.name}/releases/{release['id']}"
        shown["upload_url"] = uploads + "/assets{?name,label}"
        shown["html_url"] = f"{self.github.base}/{self.repository.name}/releases/tag/{quote(release['tag_name'])}"
        shown["assets"] = [self.shown_asset(asset) for asset in self.repository.assets_of(release)]
        return shown

    def shown_asset(self, asset):
        shown = {key: value for key, value in asset.items() if key != "release"}
        tag = quote(self.repository.releases[asset["release"]]["tag_name"])
        name = quote(asset["name"])
        shown["url"] = self.url(f"/releases/assets/{asset['id']}")
        shown["browser_download_url"] = f"{self.github.base}/{self.repository.name}/releases/download/{tag}/{name}"
        return shown

    def shown_ref(self, name):
        sha = self.repository.refs[name]
        kind = "tag" if sha in self.repository.annotated else "commit"
        return {"ref": "refs/" + name, "url": self.url(f"/git/refs/{name}"), "object": {"sha": sha, "type": kind}}

    # --- releases

    def describe(self):
        raise Answer(200, {"full_name": self.repository.name, "private": self.repository.private, "default_branch": "main"})

    def visible(self, release):
        return not release["draft"] or self.rights == "write"

    def release(self, number):
        release = self.repository.releases.get(int(number))
        if release is None or not self.visible(release):
            refuse(404, "Not Found")
        return release

    def changeable(self, release):
        if release["immutable"]:
            refuse(422, "Cannot change the assets of an immutable release.", [("Release", "custom", "immutable")])
        return release

    def list_releases(self):
        releases = sorted(self.repository.releases.values(), key=lambda it: -it["id"])
        self.page([self.shown_release(release) for release in releases if self.visible(release)])

    def release_by_tag(self, tag):
        release = self.repository.published(tag)
        if release is None:
            refuse(404, "Not Found")
        raise Answer(200, self.shown_release(release))

    def get_release(self, number):
        raise Answer(200, self.shown_release(self.release(number)))

    def create_release(self):
        wanted = self.json()
        if not wanted.get("tag_name"):
            invalid("Release", "missing_field", "tag_name")
        release = {"id": self.github.new_id(), "tag_name": None, "target_commitish": "main", "name": None, "body": None,
                   "draft": False, "prerelease": False, "immutable": False, "created_at": now(), "published_at": None}
        self.change_release(release, wanted)
        raise Answer(201, self.shown_release(release))

    def edit_release(self, number):
        release, wanted = self.release(number), self.json()
        if release["immutable"] and wanted.keys() - {"name", "body"}:
            self.changeable(release)
        self.change_release(release, wanted)
        raise Answer(200, self.shown_release(release))

    def change_release(self, release, wanted):
        """All of it or nothing: every rule before the first change."""
        known = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease")
        changed = {**release, **{key: wanted[key] for key in known if wanted.get(key) is not None}}
        tag = "tags/" + changed["tag_name"]
        if not changed["draft"]:
            other = self.repository.published(changed["tag_name"])
            if other and other["id"] != release["id"]:
                invalid("Release", "already_exists", "tag_name")
            if tag not in self.repository.refs:
                commit = self.repository.commit_of(changed["target_commitish"])
                if commit is None:
                    invalid("Release", "invalid", "target_commitish")
                self.repository.refs[tag] = commit
            changed["published_at"] = changed["published_at"] or now()
        release.update(changed)
        self.repository.releases[release["id"]] = release

    def delete_release(self, number):
        release = self.release(number)
        for asset in self.repository.assets_of(release):
            del self.repository.assets[asset["id"]]
        del self.repository.releases[release["id"]]
        raise Answer(204)

    # --- assets

    def asset(self, number):
        asset = self.repository.assets.get(int(number))
        if asset is None or not self.visible(self.repository.releases[asset["release"]]):
            refuse(404, "Not Found")
        return asset

    def free_name(self, release, name, but=None):
        if any(it["name"] == name and it is not but for it in self.repository.assets_of(release)):
            invalid("ReleaseAsset", "already_exists", "name")
        return name

    def list_assets(self, number):
        self.page([self.shown_asset(asset) for asset in self.repository.assets_of(self.release(number))])

    def get_asset(self, number):
        asset = self.asset(number)
        if self.headers.get("accept") == "application/octet-stream":
            raise Answer(302, headers={"location": f"{self.github.base}/_objects/{self.repository.name}/{asset['id']}"})
        raise Answer(200, self.shown_asset(asset))

    def upload(self, number, state="uploaded"):
        release = self.changeable(self.release(number))
        if not self.query.get("name", [""])[0]:
            invalid("ReleaseAsset", "missing_field", "name")
        if "content-type" not in self.headers:
            refuse(400, "Bad Content-Type")
        if not self.body:
            refuse(400, "Bad Content-Length")
        name = self.free_name(release, asset_name(self.query["name"][0]))
        asset = self.store(release, name, self.body, self.headers["content-type"], state)
        raise Answer(201, self.shown_asset(asset))

    def store(self, release, name, data, kind="application/octet-stream", state="uploaded"):
        done = state == "uploaded"
        digest = "sha256:" + hashlib.sha256(data).hexdigest() if done else None
        asset = {"id": self.github.new_id(), "release": release["id"], "name": name, "label": "", "content_type": kind,
                 "state": state, "size": len(data) if done else 0, "digest": digest, "download_count": 0,
                 "created_at": now(), "updated_at": now(), "uploader": {"login": "uploader", "type": "User"}}
        self.repository.assets[asset["id"]], self.repository.bytes[asset["id"]] = asset, data
        return asset

    def edit_asset(self, number):
        asset, wanted = self.asset(number), self.json()
        release = self.changeable(self.repository.releases[asset["release"]])
        if "name" in wanted:
            if not wanted["name"]:
                invalid("ReleaseAsset", "missing_field", "name")
            asset["name"] = self.free_name(release, asset_name(wanted["name"]), but=asset)
        asset["label"] = wanted.get("label", asset["label"])
        asset["updated_at"] = now()
        raise Answer(200, self.shown_asset(asset))

    def delete_asset(self, number):
        asset = self.asset(number)
        self.changeable(self.repository.releases[asset["release"]])
        # The bytes stay for whoever was sent to them a moment ago.
        del self.repository.assets[asset["id"]]
        raise Answer(204)

    # --- git

    def get_ref(self, name):
        if name not in self.repository.refs:
            refuse(404, "Not Found")
        raise Answer(200, self.shown_ref(name))

    def get_tag(self, sha):
        if sha not in self.repository.annotated:
            refuse(404, "Not Found")
        raise Answer(200, {"sha": sha, "object": {"sha": self.repository.annotated[sha], "type": "commit"}})

    def get_commit(self, sha):
        if sha not in self.repository.parents:
            refuse(404, "Not Found")
        raise Answer(200, {"sha": sha, "parents": [{"sha": parent} for parent in self.repository.parents[sha]]})

    def known(self, wanted):
        if wanted.get("sha") not in self.repository.parents:
            refuse(422, "Object does not exist")
        return wanted["sha"]

    def create_ref(self):
        wanted = self.json()
        if not re.fullmatch(r"refs/[^/]+/.+", wanted.get("ref") or ""):
            refuse(422, "Reference name must start with 'refs/' and contain at least two slashes.")
        name, sha = wanted["ref"].removeprefix("refs/"), self.known(wanted)
        if name in self.repository.refs:
            refuse(422, "Reference already exists")
        self.repository.refs[name] = sha
        raise Answer(201, self.shown_ref(name))

    def edit_ref(self, name):
        wanted = self.json()
        if name not in self.repository.refs:
            refuse(422, "Reference does not exist")
        sha, old = self.known(wanted), self.repository.commit_of(self.repository.refs[name])
        release = self.repository.published(name.removeprefix("tags/"))
        if release and release["immutable"]:
            refuse(422, "Cannot update this protected ref.")
        if not wanted.get("force") and old not in self.repository.ancestors(sha):
            refuse(422, "Update is not a fast forward")
        self.repository.refs[name] = sha
        raise Answer(200, self.shown_ref(name))

    def compare(self, base, head):
        commits = [self.repository.commit_of(it) for it in (base, head)]
        if None in commits:
            refuse(404, "Not Found")
        behind, ahead = (self.repository.ancestors(it) for it in commits)
        counts = {"ahead_by": len(ahead - behind), "behind_by": len(behind - ahead)}
        if not ahead & behind:
            refuse(404, "No common ancestor between {} and {}.".format(base, head))
        words = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
        status = words[counts["ahead_by"] > 0, counts["behind_by"] > 0]
        raise Answer(200, {"status": status, **counts, "total_commits": counts["ahead_by"], "commits": [], "files": []})
