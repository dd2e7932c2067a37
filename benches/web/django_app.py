"""The same work with Django and SQLite, as a small team would write it: a signed link, a form, and an answer that
is saved in one durable transaction as who answered, what, and that it happened."""

import os
import sys
import uuid

import django
from django.conf import settings
from django.http import HttpResponse, HttpResponseNotFound, HttpResponseRedirect

settings.configure(
    SECRET_KEY="measured",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()

from django.core import signing  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402

TABLES = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE slip (person_id INTEGER, step TEXT, answer_id BLOB, saved_at TEXT, PRIMARY KEY (person_id, step)) WITHOUT ROWID;
CREATE TABLE answer (id BLOB PRIMARY KEY, step TEXT, value INTEGER, week TEXT) WITHOUT ROWID;
CREATE TABLE event (id INTEGER PRIMARY KEY, person_id INTEGER, step TEXT, at TEXT);
"""
PAGE = engines["django"].from_string(
    """<!doctype html><html lang="sv"><head><title>{{ title }}</title></head><body><h1>{{ title }}</h1>
<p>Till {{ name }}.</p>{{ text|linebreaks }}<form method="post"><input type="hidden" name="f" value="{{ token }}">
{% for value, label in options %}<label><input type="radio" name="q.done" value="{{ value }}"> {{ label }}</label>
{% endfor %}<button name="do" value="save">Spara</button></form></body></html>"""
)
OPTIONS = [(1, "Jag har gjort det"), (2, "Jag tänker göra det"), (3, "Inte för mig")]


def answer(request, token):
    try:
        person = signing.loads(token, salt="answer")
    except signing.BadSignature:
        return HttpResponseNotFound()
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM person WHERE id = %s", [person])
        (name,) = cursor.fetchone()
        if request.method == "POST":
            signing.loads(request.POST["f"], salt="form")
            with transaction.atomic():
                new = uuid.uuid4().bytes
                cursor.execute("SELECT answer_id FROM slip WHERE person_id = %s AND step = 'a'", [person])
                old = cursor.fetchone()
                if old:
                    cursor.execute("DELETE FROM answer WHERE id = %s", old)
                value = int(request.POST["q.done"])
                cursor.execute("INSERT INTO answer VALUES (%s, 'a', %s, '2026-W49')", [new, value])
                cursor.execute(
                    "INSERT OR REPLACE INTO slip VALUES (%s, 'a', %s, datetime('now'))", [person, new]
                )
                cursor.execute(
                    "INSERT INTO event (person_id, step, at) VALUES (%s, 'a', datetime('now'))", [person]
                )
            return HttpResponseRedirect(request.path, status=303)
    form = signing.dumps(person, salt="form")
    values = {"title": "Ett uppdrag", "name": name, "text": "Hej! " * 40, "token": form, "options": OPTIONS}
    return HttpResponse(PAGE.render(values))


urlpatterns = [path("answer/<str:token>", answer)]
application = get_wsgi_application()

if __name__ == "__main__":
    # Makes the database and prints a link and a form token for each person.
    connection.connection or connection.connect()
    connection.connection.executescript(TABLES)
    with transaction.atomic(), connection.cursor() as cursor:
        for number in range(1, int(sys.argv[1]) + 1):
            cursor.execute("INSERT INTO person VALUES (%s, %s)", [number, f"Person {number}"])
            print(signing.dumps(number, salt="answer"), signing.dumps(number, salt="form"), sep="\t")
