"""Measures the answer pages with wrk, beside Django with SQLite on the same work, in one run.

    python3 benches/web/measure.py target/release/journey

Needs wrk, and a Python with Django and gunicorn. It imports the sample's people into a scratch folder, sends the
first mails to files, takes the links from them, and asks 100 clients at once for ten seconds: for forms, and to save.
"""

import collections
import concurrent.futures
import email
import email.policy
import glob
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS = "10"


def wrk(name, port, lines, folder):
    """Prints what wrk says of latency, rate and errors."""
    file = os.path.join(folder, "requests")
    with open(file, "w") as out:
        out.write("\n".join("\t".join(line) for line in lines) + "\n")
    command = ["wrk", "-t2", "-c100", f"-d{SECONDS}s", "--latency", "-s", f"{HERE}/wrk.lua"]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}", "--", file], capture_output=True, text=True, check=True
    ).stdout
    wanted = ("50%", "99%", "requests in", "Requests/sec", "Non-2xx", "Socket errors")
    found = [" ".join(line.split()) for line in said.splitlines() if any(word in line for word in wanted)]
    print(f"{name:26}", " · ".join(found), flush=True)


def memory(pid):
    """Anonymous memory in MB."""
    status = open(f"/proc/{pid}/status").read()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


def links(outbox):
    """The paths of all links in the mails, by page."""
    found = collections.defaultdict(list)
    for name in sorted(glob.glob(os.path.join(outbox, "**", "*.eml"), recursive=True)):
        with open(name, "rb") as file:
            mail = email.message_from_binary_file(file, policy=email.policy.default)
        text = mail.get_body(("plain",)).get_content()
        for path, page in set(re.findall(r"http://127\.0\.0\.1:8080(/([a-z]+)/[a-z2-7]+)", text)):
            found[page].append(path)
    return found


def dump(home):
    """Everything in the database, but what the daemon notes about itself."""
    lines = sqlite3.connect(f"file:{home}/journey.db?mode=ro", uri=True).iterdump()
    own = 'INSERT INTO "instance"'
    return hashlib.sha256("\n".join(line for line in lines if not line.startswith(own)).encode()).hexdigest()


def fields(port, path):
    """The form token, and the name of the first choice."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": "127.0.0.1:8080"})
    page = urllib.request.urlopen(request).read().decode()
    token = re.search(r'name="f" value="([^"]+)"', page)[1]
    return token, re.search(r'<(?:input type="radio"|textarea)[^>]* name="([^"]+)"', page)[1]


def body(token, field, value):
    return f"f={token}&do=save&{field}={value}"


def journey(binary, folder):
    home = os.path.join(folder, "journey")
    os.mkdir(home)
    for name in ("content", "config.toml", "people.csv"):
        source = os.path.join(ROOT, name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(home, name))
    environment = {**os.environ, "JOURNEY_WEB__LISTEN": "127.0.0.1:0"}

    def run(*arguments):
        subprocess.run([binary, *arguments], cwd=home, check=True, env=environment, stdout=subprocess.DEVNULL)

    run("people", "import", "-q")
    # A lesson, and a mission two weeks later.
    run("send", "-q", "--at", "2026-11-03T08:30")
    run("send", "-q", "--at", "2026-11-17T08:30")
    log = open(os.path.join(home, "log"), "w+")
    daemon = subprocess.Popen([binary, "daemon"], cwd=home, env=environment, stdout=log, stderr=log)
    port = None
    while port is None:
        time.sleep(0.1)
        port = re.search(r"served on 127\.0\.0\.1:(\d+)", open(log.name).read())
    port = port[1]
    found = links(os.path.join(home, "outbox"))
    paths = found["answer"]
    print(f"{len(paths)} answer links, anonymous memory {memory(daemon.pid):.1f} MB", flush=True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        forms = list(pool.map(lambda path: fields(port, path), paths))
    host = "127.0.0.1:8080"
    before = dump(home)
    every = [("GET", path, host, "", "") for paths in found.values() for path in paths]
    wrk(f"journey, GET {len(every)} links", port, every, folder)
    print("the database is unchanged" if dump(home) == before else "THE DATABASE CHANGED", flush=True)
    wrk("journey, GET a form", port, [("GET", path, host, "", "") for path in paths], folder)
    posts = [("POST", path, host, body(*form, 1), body(*form, 3)) for path, form in zip(paths, forms)]
    wrk("journey, durable POST", port, posts, folder)
    print(f"anonymous memory after it {memory(daemon.pid):.1f} MB", flush=True)
    daemon.terminate()
    daemon.wait()


def django(folder):
    environment = {**os.environ, "DATABASE": os.path.join(folder, "django.db"), "PYTHONPATH": HERE}
    made = subprocess.run(
        [sys.executable, f"{HERE}/django_app.py", "1400"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    people = [line.split("\t") for line in made.splitlines()]
    command = [sys.executable, "-m", "gunicorn", "-w", "2", "--threads", "4", "-b", "127.0.0.1:0", "django_app"]
    log = open(os.path.join(folder, "gunicorn.log"), "w+")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    port = None
    while port is None:
        time.sleep(0.2)
        port = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", open(log.name).read())
    time.sleep(2)
    port = port[1]
    host = f"127.0.0.1:{port}"
    wrk("django, GET a form", port, [("GET", f"/answer/{link}", host, "", "") for link, _ in people], folder)
    posts = [
        ("POST", f"/answer/{link}", host, body(token, "q.done", 1), body(token, "q.done", 3))
        for link, token in people
    ]
    wrk("django, durable POST", port, posts, folder)
    server.terminate()
    server.wait()


with tempfile.TemporaryDirectory() as scratch:
    for turn in range(2):
        place = os.path.join(scratch, str(turn))
        os.mkdir(place)
        journey(os.path.abspath(sys.argv[1]), place)
        django(place)
