"""What the code itself must not have; each exception is named here with its reason."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import duckdb
import pytest

import tanpuhui
from tanpuhui.evidence.expressions import literal, name

PACKAGE = Path(tanpuhui.__file__).parent
ROOT = PACKAGE.parents[1]
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)
SCRIPTS = sorted(PACKAGE.rglob("static/**/*.js"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def place(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@cache
def calls() -> tuple[tuple[str, ast.Call, str], ...]:
    """Every call: file, node, and what is called, as it is written."""
    return tuple(
        (place(path), node, ast.unparse(node.func))
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
    )


@cache
def imports() -> tuple[tuple[str, str], ...]:
    return tuple(_imports())


def _imports() -> Iterator[tuple[str, str]]:
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                yield from ((place(path), one.name) for one in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield place(path), node.module or ""


def of_module(*names: str) -> set[str]:
    """The files that import one of these modules."""
    return {
        file
        for file, module in imports()
        if any(module == one or module.startswith(one + ".") for one in names)
    }


def test_nothing_that_was_sent_is_run_as_a_program() -> None:
    forbidden = {"eval", "exec", "compile", "__import__"}

    assert [(file, called) for file, _, called in calls() if called in forbidden] == []
    assert of_module("code", "codeop", "jinja2") == set()


def test_nothing_is_read_that_can_hold_objects() -> None:
    """Content is JSON, TOML, CSV and Parquet, none of which makes objects of ours; no YAML, pickle or archive.

    A bank's statement is XML, read in one place: UTF-8, with no document type and so no entity.
    A merchant's is written.
    The copy that a person takes along is written as a zip file. One is read, by a command: named members of a few
    megabytes, in memory, each checked by its schema and signatures; nothing is unpacked.
    """
    assert of_module("pickle", "marshal", "shelve", "dill", "yaml", "lxml", "tarfile") == set()
    assert of_module("xml") == {"money/camt.py", "points/camt.py"}
    assert of_module("zipfile") == {"copies/archive.py", "copies/carry.py"}


def test_no_program_of_the_machine_gets_what_was_sent() -> None:
    """Database, its dump and copies, and the server in the background start with fixed words, never through a shell.

    The demonstration of federation and the drill run commands of this program on installations of their own. The Java
    that Spark would run is asked for its version.
    """
    assert of_module("subprocess") == {
        "project/embedded.py",
        "cli/server.py",
        "cli/federation/demo.py",
        "console/jobs.py",
        "erasure/backup.py",
        "operation/backup.py",
        "operation/drill.py",
        "operation/server.py",
        "quantify/engines/java.py",
    }
    assert [file for file, node, _ in calls() if any(word.arg == "shell" for word in node.keywords)] == []
    assert [file for file, _, called in calls() if called in ("os.system", "os.popen")] == []


def test_only_named_files_speak_to_the_network() -> None:
    assert of_module("requests") == {
        "web/sign_in/identity_service.py",
        "web/sign_in/identity_service_views.py",
    }
    assert of_module("httpx") == {
        "client/client.py",
        "federation/transport.py",
        "points/callback.py",
        "transparency/cosign.py",
    }
    assert of_module("urllib.request", "socket", "http.client", "ftplib", "smtplib", "telnetlib") == {
        "cli/server.py",
        "points/callback.py",
        "quantify/engines/cluster.py",
        # Asks whether this machine's own name has an address.
        "quantify/engines/java.py",
    }
    # Sends to the collector that the operator names, and nothing where none is named.
    assert of_module("opentelemetry") == {"kit/span.py", "project/tracing.py"}


def test_certificates_are_always_checked() -> None:
    unchecked = {"verify", "check_hostname", "verify_mode", "cert_reqs"}

    assert [file for file, node, _ in calls() if any(word.arg in unchecked for word in node.keywords)] == []
    assert [file for file, _, called in calls() if called.endswith("_create_unverified_context")] == []


def test_digests_and_ciphers_are_of_our_time() -> None:
    """The invented city of the demonstration names its people by BLAKE2s, which keeps nothing secret."""
    allowed = {"sha256", "digest", "compare_digest", "hexdigest", "file_digest", "new"}
    used = {
        called.rpartition(".")[2]
        for file, _, called in calls()
        if called.startswith(("hashlib.", "hmac.")) and not file.startswith("cli/demo/")
    }

    assert used <= allowed
    primitives = {module for _, module in imports() if module.startswith("cryptography.hazmat.primitives")}
    assert primitives <= {
        "cryptography.hazmat.primitives",
        # ES256 of credentials: P-256 with SHA-256.
        "cryptography.hazmat.primitives.asymmetric",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        "cryptography.hazmat.primitives.asymmetric.utils",
        "cryptography.hazmat.primitives.ciphers.aead",
        "cryptography.hazmat.primitives.hashes",
        "cryptography.hazmat.primitives.serialization",
    }
    built = {called.partition("(")[0] for _, _, called in calls()}
    ciphers = {one for one in built if re.match(r"(AES|ChaCha|Cipher|ECB|CBC|modes\.|padding\.)", one)}
    assert ciphers == {"AESGCM"}


def test_what_must_not_be_guessed_comes_from_the_systems_generator() -> None:
    """``random`` draws the invented city of the demonstration from a seed, and how long a client waits."""
    assert of_module("random") <= {
        "cli/demo/city.py",
        "cli/demo/draft.py",
        "cli/demo/people.py",
        "cli/demo/save.py",
        "cli/demo/witnesses.py",
        "client/client.py",
    }
    bits = [node for _, node, called in calls() if called in ("secrets.token_urlsafe", "secrets.token_bytes")]
    assert bits
    assert all(isinstance(node.args[0], ast.Constant) and int(node.args[0].value) >= 16 for node in bits)


#: What is put into SQL as text, by file: quoted by ``name`` or ``literal``, or a number or a constant of ours.
#: A new one fails here, and is looked at before it is added.
PUT_INTO_SQL: dict[str, set[str]] = {
    # Names of three settings; columns that a file of ours has, with their types.
    "operation/restore.py": {"name"},
    "quantify/engines/spark.py": {"_typed({}, types)"},
    "consent/gate.py": {"_quoted(ENDING)", "_grants(at, _code(purpose), _code(recipient))"},
    "erasure/erase.py": {"table.quoted", "table.whose"},
    "evidence/candidates.py": {"_select(reading, read, texts)"},
    "evidence/duplicates.py": {"_keyed(measures, place)", "_known(earlier)", "_VERDICTS", "_REPEATED"},
    "evidence/id_file.py": {"', '.join(COLUMNS)"},
    "evidence/lake.py": {
        "literal(provider)",
        "columns",
        "what",
        "counted if copied else 'keyed'",
        "revised",
        "query",
        "literal(str(unfinished))",
    },
    "evidence/quarantine.py": {"file", "pairs", "literal(LINE)", "reused", "person"},
    "evidence/rehearse.py": {"ROWS_PER_BATCH", "MOST_LISTED"},
    "evidence/resubmit.py": {"listed"},
    "evidence/rows.py": {
        "texts",
        "names",
        "values",
        "others",
        "name(column)",
        "', '.join(columns)",
        "', '.join(values)",
        "_not_text(keys)",
        "number",
        "literal(str(envelope.path))",
    },
    "evidence/settle.py": {
        "MEMORY_LIMIT",
        "work / 'spill'",
        "ROWS_PER_BATCH",
        "', '.join(numbers)",
        "source",
    },
    "evidence/subjects.py": {"_ASKED", "_DIGEST"},
    "integrity/patterns/find.py": {"pattern.sql"},
    "ledger/detach.py": {"LOCK_MS", "partition(month)"},
    "ledger/every_month.py": {"COLUMNS"},
    "ledger/invariants.py": {"invariant.query", "ROWS_NAMED"},
    "ledger/statement.py": {"LINES"},
    "points/redeem.py": {"query"},
    "points/settle.py": {"_OPEN"},
}
ORDERS = {"execute", "executemany", "raw", "extra", "RawSQL", "copy", "RunSQL", "sql", "query"}


def test_what_is_put_into_sql_as_text_is_known() -> None:
    found: dict[str, set[str]] = {}
    for file, node, called in calls():
        if called.rpartition(".")[2] in ORDERS and node.args and isinstance(node.args[0], ast.JoinedStr):
            parts = {
                ast.unparse(one.value) for one in node.args[0].values if isinstance(one, ast.FormattedValue)
            }
            found.setdefault(file, set()).update(parts)
        if called.rpartition(".")[2] in ORDERS and node.args:
            assert not isinstance(node.args[0], ast.BinOp), (file, ast.unparse(node))

    unknown = {file: parts - PUT_INTO_SQL.get(file, set()) for file, parts in found.items()}
    assert {file: parts for file, parts in unknown.items() if parts} == {}


@pytest.mark.parametrize(
    "text", ["'", "''", "'", "'; DROP TABLE x; --", '"', '""; --', "%s", "{}", "$1", "\n", "名", "x" * 500]
)
def test_text_and_names_in_sql_stay_what_they_are(text: str) -> None:
    connection = duckdb.connect()

    said = connection.execute(f"SELECT {literal(text)}").fetchone()
    connection.execute(f"CREATE TABLE t ({name(text)} VARCHAR)")

    assert said == (text,)
    assert connection.execute("DESCRIBE t").fetchall()[0][0] == text


def test_patterns_are_not_made_of_what_was_sent() -> None:
    made = [
        (file, ast.unparse(node.args[0]))
        for file, node, called in calls()
        if called
        in {
            "re.compile",
            "re.match",
            "re.fullmatch",
            "re.search",
            "re.sub",
            "re.split",
            "re.findall",
            "re.finditer",
        }
        and not isinstance(node.args[0], ast.Constant)
    ]

    assert all(not re.search(r"request|given|value|text\b", pattern) for _, pattern in made), made
    for file, pattern in made:
        assert "rf'" in pattern or "f'" in pattern or pattern.isupper() or "PREFIX" in pattern, (
            file,
            pattern,
        )


def test_nothing_is_marked_as_safe_for_a_page_by_hand() -> None:
    """Named here: cells that templates of ours drew, text that was escaped first, and a methodology's own text."""
    marking = {"mark_safe", "SafeString", "SafeText", "safe"}

    assert {file for file, _, called in calls() if called.rpartition(".")[2] in marking} == {
        "console/cells.py",
        "console/templatetags/console.py",
        "web/public/templatetags/public.py",
        "web/public/text.py",
    }


def test_templates_are_files_and_never_made_of_what_was_sent() -> None:
    made = [
        (file, called)
        for file, _, called in calls()
        if called in ("Template", "template.Template", "engines", "from_string")
    ]

    assert made == []


def test_formats_are_constants() -> None:
    """``format`` reads attributes of what it is given, so what is formatted with is never what somebody sent."""
    ours = {
        ("api/language.py", "template"),
        ("api/language.py", "refusal.on_page"),
        ("api/language.py", "translation.gettext(refusal.on_page or refusal.message)"),
        ("api/resident/problem.py", "gettext(refusal.on_page or refusal.message)"),
        ("consent/policy.py", "_template(lang)"),
        ("console/control.py", "_(kind.on_page or kind.message)"),
        ("kit/refusal.py", "self.message"),
        ("project/database.py", "statement"),
        ("quantify/steps.py", "until"),
        ("registry/serial.py", "shape"),
        ("web/resident/trail.py", "said"),
        ("web/shared/formula.py", "page"),
        ("web/shared/refused.py", "said"),
    }
    for file, node, called in calls():
        if called.endswith((".format", ".format_map")) and isinstance(node.func, ast.Attribute):
            on = ast.unparse(node.func.value)
            constant = isinstance(node.func.value, ast.Constant) or on.strip("_").isupper() or _is_said(on)
            assert constant or on.startswith("sql.SQL(") or (file, on) in ours, (file, on)


def _is_said(on: str) -> bool:
    """A sentence of ours, looked up in the reader's language, or one of several."""
    return bool(re.fullmatch(r"_\('[^']*'\)|\{('\w+': _\('[^']*'\)(, )?)+\}\[verb\]", on))


def test_only_named_files_sign_somebody_in() -> None:
    """All ways in are allauth's, through its steps, a letter too; the demonstration's alone is not."""
    signs = {"login", "auth.login", "perform_login", "resume_login"}
    signing = {file for file, _, called in calls() if called in signs}

    assert signing == {"web/sign_in/demo.py", "web/sign_in/letter.py"}
    assert "perform_login(" in (PACKAGE / "web/sign_in/letter.py").read_text()
    assert "assert settings.DEMO" in (PACKAGE / "web/sign_in/demo.py").read_text()


def test_forms_without_a_token_are_named() -> None:
    exempt = {place(path) for path in FILES if "@csrf_exempt" in path.read_text()}

    # Other platforms sign what they say, and have no session.
    assert exempt == {"web/shared/language.py", "api/federation.py"}


def test_forms_name_their_fields() -> None:
    for path in FILES:
        assert "__all__" not in re.findall(r"fields\s*=\s*['\"](\w+)", path.read_text()), path
        assert not re.search(
            r"\*\*request\.(POST|GET|data)|setattr\([^,]+,\s*(name|key|field)", path.read_text()
        ), path


def test_files_are_never_named_by_who_sent_them() -> None:
    """Only the stem of a sent name is kept, as a word in a row; every path is made of digests and numbers of ours."""
    for file in (
        "evidence/inbox.py",
        "evidence/upload.py",
        "api/provider/batches.py",
        "api/provider/request.py",
    ):
        text = (PACKAGE / file).read_text()
        assert not re.search(r"/\s*(name|stem|filename|given|file_name)\b", text), file


def test_our_scripts_put_text_into_pages_as_text() -> None:
    forbidden = re.compile(
        r"\b(eval|Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|postMessage|localStorage|sessionStorage|indexedDB|WebSocket"
        r"|__proto__|setTimeout\(['\"])\b"
    )

    # The till keeps codes that it took without a network, which name no person, until they are sent (V14.3.3).
    allowed = {"web/merchant/static/merchant/till.js": {"indexedDB"}}

    assert SCRIPTS
    for path in SCRIPTS:
        assert set(forbidden.findall(path.read_text())) <= allowed.get(place(path), set()), path


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a checkout")
    return [ROOT / one for one in listed.stdout.split("\0") if one]


def test_no_secret_is_in_the_repository() -> None:
    secret = re.compile(
        rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|tph_[A-Za-z0-9_-]{43}"
        rb"|xox[bp]-[0-9]+-|AIza[0-9A-Za-z_-]{35}"
    )
    for path in tracked():
        if path.is_file() and path.stat().st_size < 2_000_000 and path.relative_to(ROOT).parts[0] != "tests":
            assert not secret.search(path.read_bytes()), path


def test_the_package_holds_no_test_and_no_history() -> None:
    """What is installed is ``src/tanpuhui`` and certified content, by what the build says."""
    build = (ROOT / "pyproject.toml").read_text()

    assert 'packages = ["src/tanpuhui"]' in build
    assert not [path for path in PACKAGE.rglob("*") if path.name in (".git", ".svn", "tests", "conftest.py")]


def test_every_requirement_is_pinned_with_its_digest() -> None:
    for file in ("base.txt", "dev.txt", "oracle.txt", "audit.txt"):
        lines = (ROOT / "requirements" / file).read_text().splitlines()
        named = [index for index, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
        assert named
        for index in named:
            assert re.match(r"[a-z0-9._\[\],-]+==[^ ]+", lines[index]), lines[index]
            assert "--hash=sha256:" in lines[index + 1], lines[index]
        assert not [line for line in lines if "://" in line or line.startswith("--")], file


def test_what_is_installed_is_what_is_pinned() -> None:
    """The bill of materials that 'make audit' writes is made of these pins."""
    text = (ROOT / "requirements" / "base.txt").read_text()
    pins: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==([^ ]+)", text, re.MULTILINE):
        pins.setdefault(package, set()).add(version)

    assert len(pins) > 50
    for package, versions in pins.items():
        with suppress(PackageNotFoundError):
            assert metadata.version(package) in versions, package


def test_types_are_checked_strictly() -> None:
    """Nothing is converted from one type into another without it being said."""
    build = (ROOT / "pyproject.toml").read_text()

    assert re.search(r"^strict = true$", build, re.MULTILINE)
    assert "mypy" in (ROOT / "Makefile").read_text()
    unnamed = [place(path) for path in FILES if re.search(r"# type: ignore(?!\[)", path.read_text())]
    assert unnamed == []


def test_actions_of_the_shell_are_strict() -> None:
    run = (ROOT / ".ci" / "run").read_text()

    assert "set -euo pipefail" in run
