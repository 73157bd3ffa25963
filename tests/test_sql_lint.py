"""The lint that finds string-built SQL: what it must find, and what it must leave alone."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

sys.path.insert(0, "tools")

import check
import sql_lint

FOUND = [
    'db.execute(f"SELECT * FROM users WHERE name = {name}")',
    'db.execute(text(f"SELECT {column} FROM users"))',
    'db.exec_driver_sql("SELECT * FROM users WHERE name = %s" % name)',
    'db.execute("SELECT * FROM {}".format(table))',
    "db.execute(TEMPLATE.format(table))",
    'db.execute("SELECT * FROM users WHERE name = " + name)',
    "db.execute(BEGINNING + name)",
    'db.execute(text("SELECT 1 " + " ".join(parts)))',
    'db.execute(" AND ".join(parts))',
    'db.execute("SELECT * FROM t WHERE a = X".replace("X", name))',
    'op.execute(f"DROP TABLE {name}")',
    'sa.literal_column(f"{name} = 1")',
    'event.listen(table, "after_create", DDL("CREATE INDEX i ON " + name))',
    'sa.text(text=f"SELECT {name}")',
    'cursor.executemany("INSERT INTO %s VALUES (?)" % name, rows)',
    'cursor.executescript(f"""\nDROP TABLE {name};\n""")',
    'db.scalar(text("SELECT 1 WHERE " + where if where else "SELECT 1"))',
    'query.with_hint(users, f"USE INDEX ({name})")',
    'sql = f"SELECT {name}"\ndb.execute(sql)',
    'sql = "SELECT " + name\nmore = sql\ndb.execute(text(more))',
    'sql = "SELECT 1"\nsql += " WHERE name = " + name\ndb.execute(sql)',
    'sql: str = "SELECT %s" % name\ndb.execute(text(sql))',
    'db.execute(text(sql := f"SELECT {name}"))',
    "for part in parts:\n    db.execute(sql)\n    sql = sql + part",
    'async def one():\n    sql = f"SELECT {name}"\n    await db.execute(text(sql))',
    'sql = f"SELECT {name}"\ndef one():\n    db.execute(sql)',
    'rows = [db.execute(text(f"SELECT {x}")) for x in names]',
    'run = lambda name: db.execute(f"SELECT {name}")',
]
LEFT_ALONE = [
    'db.execute(text("SELECT * FROM users WHERE name = :name"), {"name": name})',
    'db.execute(text("SELECT * " "FROM users"))',
    'db.execute("SELECT * " + "FROM users")',
    'db.execute(f"SELECT 1")',
    'db.execute(select(users).where(users.c.name == name))',
    'db.execute(select(users).where(users.c.name == f"{name}%"))',
    'db.execute(insert(users), [{"name": f"{name}"} for name in names])',
    'db.execute(text("SELECT :n"), {"n": "a" + name})',
    'db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")',
    'db.execute(QUERIES[name])',
    'text = f"hello {name}"\nprint(text)',
    'message = f"hello {name}"\nlog.info(message)',
    'draw.text((1, 2), f"{name}")',
    'def one(sql):\n    db.execute(sql)',
    'sql = f"SELECT {name}"\ndef one(sql):\n    db.execute(sql)',
    'def one():\n    sql = f"{name}"\n    return sql\ndef two():\n    sql = "SELECT 1"\n    db.execute(sql)',
    'count = 1\ncount += 1\nprint(count)',
    'sa.Column("demo", sa.Boolean(), server_default=sa.text("false"))',
]  # fmt: skip


@pytest.mark.parametrize("code", FOUND)
def test_sql_that_is_put_together_is_found(code: str) -> None:
    assert sql_lint.findings(f"def run(db, name):\n{textwrap.indent(code, '    ')}\n") != []


@pytest.mark.parametrize("code", LEFT_ALONE)
def test_expressions_literals_and_other_texts_are_left_alone(code: str) -> None:
    assert sql_lint.findings(f"def run(db, name):\n{textwrap.indent(code, '    ')}\n") == []


def test_a_finding_names_the_line_and_the_reason() -> None:
    code = 'import x\n\ndef run(db, name):\n    sql = f"SELECT {name}"\n    db.execute(x.text(sql))\n'
    assert sql_lint.findings(code) == [(5, "text() is given a name made from an f-string")]


def _lint(*given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "tools/sql_lint.py", *given], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_names_file_and_line_and_fails(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text('db.execute(f"SELECT {name}")\n')
    (tmp_path / "good.py").write_text('db.execute("SELECT 1")\n')
    done = _lint(str(tmp_path))
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"{tmp_path}/bad.py:1: execute() is given an f-string"
    assert _lint(str(tmp_path / "good.py")).returncode == 0
    (tmp_path / "broken.py").write_text("def (")
    assert _lint(str(tmp_path / "broken.py")).returncode == 2
    assert _lint(str(tmp_path / "missing.py")).returncode == 2


def test_the_product_builds_no_sql_from_strings() -> None:
    done = _lint()
    assert (done.returncode, done.stdout) == (0, "")


def test_every_check_of_the_source_runs_the_lint() -> None:
    assert "sql" in check.GROUPS["fast"]
    assert "sql" in check.GROUPS["all"]
    assert [one.command for one in check.STEPS if one.name == "sql"] == [("tools/sql_lint.py", "src")]
