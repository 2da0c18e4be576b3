#!/bin/bash
# State: dulwich 1.2.21 and pygit2 1.21.0, CPython 3.11, pushing by HTTP to `git http-backend` (git 2.39.5) whose
#   pre-receive hook declines, as a protected branch does.
# Guess, written down before: both raise, as they do for a push that is no fast-forward.
# Behaviour: neither raises. dulwich's `porcelain.push` writes "Push to … successful." and after it "Push of ref … failed:
#   pre-receive hook declined"; only `ref_status` of what it returns has the reason. pygit2's `Remote.push` returns None
#   and says nothing at all, unless a RemoteCallbacks with `push_update_reference` is handed in. A keyword that dulwich
#   does not know, such as `force_with_lease=…`, is taken and ignored.
# Why it matters: a lease, a tag or a deployment's commit that was "pushed" is not on the server. Read the server's ref
#   back, or push with git and `--porcelain`.
# Output seen: "dulwich: returned, says successful, with a lease: returned, pygit2: returned, commits on the server: 1".
# Exits 0 while it is so, 1 when one of them raises.
set -euo pipefail
box=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check dulwich==1.2.21 pygit2==1.21.0
cd "$box"
cat >serve.py <<'P'
import http.server, os, subprocess

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=os.getcwd(), GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
            REMOTE_USER="ci", HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
        )
        said = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE).stdout
        head, _, content = said.partition(b"\r\n\r\n")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
P
export GIT_CONFIG_GLOBAL="$box/gitconfig" GIT_CONFIG_NOSYSTEM=1
git config --global user.name ci && git config --global user.email ci@example.invalid
git init --quiet --bare server && git -C server config http.receivepack true
git init --quiet --initial-branch main work && cd work
git commit --quiet --allow-empty --message one && git push --quiet ../server main
git commit --quiet --allow-empty --message two && cd ..
printf '#!/bin/sh\necho "main is protected" >&2\nexit 1\n' >server/hooks/pre-receive && chmod +x server/hooks/pre-receive
python3 serve.py >port &
server=$!
until [ -s port ]; do sleep 0.1; done
cat >push.py <<'P'
import io, sys, warnings
import pygit2
from dulwich import porcelain

warnings.simplefilter("ignore")
url = f"http://127.0.0.1:{sys.argv[1]}/server"

def push(library, **more):
    said = io.BytesIO()
    try:
        if library == "dulwich":
            porcelain.push("work", url, "main", outstream=said, errstream=said, **more)
        else:
            pygit2.Repository("work").remotes.create_anonymous(url).push(["refs/heads/main:refs/heads/main"])
    except Exception as error:
        return f"raised {type(error).__name__}"
    return "returned" + (", says successful" if b"successful" in said.getvalue() else "")

lease = push("dulwich", force_with_lease="refs/heads/main:" + 40 * "0").partition(",")[0]
print(f"dulwich: {push('dulwich')}, with a lease: {lease}, pygit2: {push('pygit2')}", end="")
P
seen="$(venv/bin/python push.py "$(cat port)"), commits on the server: $(git -C server rev-list --count main)"
echo "$seen"
[ "$seen" = "dulwich: returned, says successful, with a lease: returned, pygit2: returned, commits on the server: 1" ] ||
  { echo "changed: one of them raises now" >&2; exit 1; }
