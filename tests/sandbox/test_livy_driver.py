"""Livy's interpreter driver under a real Livy server and real Spark: what users type, and how sessions end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_emr_connect.sandbox.engines.class_archive import SPARK_ARCHIVE
from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.livy import SERVER_ARCHIVE
from jupyter_emr_connect.sandbox.engines.process import Engine
from tests.conftest import ENGINES
from tests.sandbox.livy_server import Session, plain_livy

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

DRIVER_MB = 450


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    installed = ensure_installed(lambda *_: None, root=ENGINES)
    with plain_livy(installed, tmp_path_factory.mktemp("livy"), "127.0.41.13") as engine:
        yield engine


@pytest.fixture(scope="module")
def python(engine: Engine) -> Iterator[Session]:
    session = Session(engine.url, "pyspark")
    yield session
    session.delete()


@pytest.fixture(scope="module")
def scala(python: Session) -> Session:
    """The same session in Scala: another would cost 12 s of a core, and test_livy_kernel.py has one of that kind."""
    return python.of_kind("spark")


def below(engine: Engine, word: str) -> list[psutil.Process]:
    """Return the engine's descendants that have the word in their command line."""
    found = []
    for process in psutil.Process(engine.pid).children(recursive=True):
        try:
            if word in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def vanish(processes: list[psutil.Process], seconds: float = 20) -> bool:
    """Whether all of them end in time."""
    return not psutil.wait_procs(processes, timeout=seconds)[1]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import sys; n = sys.stdout.write('no newline')", "no newline"),
        ("import functools\n@functools.lru_cache\ndef f(n):\n\n    return n + 1\n\nf(1)", "2"),
        ("for i in range(2):\n    print(i)\nelse:\n    print('end')", "0\n1\nend"),
        ("'é ü 漢字 🎉'", "'é ü 漢字 🎉'"),
        ("print('\\ud800')", "\\ud800"),
        ("import sys; sys.stdout.close(); print('still here')", "still here"),
        ("import subprocess; subprocess.run(['/bin/echo', 'elsewhere']).returncode", "0"),
        ("__name__", "'__main__'"),
    ],
)
def test_python_code_prints_what_it_prints(python: Session, code: str, text: str) -> None:
    assert python.text(code) == text


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("import sys; sys.exit('bye')", "SystemExit", "bye"),
        ("input()", "EOFError", "EOF when reading a line"),
        ("%%local\n1", "UnknownMagic", "unknown magic command '%local'"),
        ("%json missing", "NameError", "name 'missing' is not defined"),
        ("bad = object()\n%json bad", "TypeError", "Object of type object is not JSON serializable"),
        ("rows = [[1], ['x']]\n%table rows", "TypeError", "table rows have different types"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
    ],
)
def test_python_errors_are_answers(python: Session, code: str, name: str, value: str) -> None:
    output = python.run(code)
    assert (output["status"], output["ename"], output["evalue"]) == ("error", name, value)
    assert python.text("1 + 1") == "2"


def test_python_functions_and_classes_run_in_sparks_workers(python: Session) -> None:
    python.text(
        "offset = 10\nclass Shift:\n    def __call__(self, n): return n + offset\ndef shift(n): return Shift()(n)"
    )
    assert python.text("sc.parallelize([1, 2]).map(shift).collect()") == "[11, 12]"
    assert python.text("spark.udf.register('shift', shift, 'int')\nspark.sql('select shift(5)').first()[0]") == "15"
    assert python.text("spark.range(3).toPandas()['id'].tolist()") == "[0, 1, 2]"


def test_python_plots_are_pictures(python: Session) -> None:
    # The magic asks for no more than this of matplotlib.pyplot, which Spark's Python need not have.
    python.text(
        "class plt:\n    gcf = classmethod(lambda c: c)\n    savefig = lambda file, format: file.write(b'\\x89PNG')"
    )
    assert python.run("%matplot plt")["data"]["image/png"] == "iVBORw=="


def test_ten_megabytes_of_output_arrive_whole(python: Session) -> None:
    assert len(python.text("print('é' * 10_000_000)")) == 10_000_000


def test_an_output_that_livy_cannot_carry_is_refused_and_the_session_lives(python: Session) -> None:
    assert python.run("print('x' * 60_000_000)")["evalue"].startswith("The output has 57 MB")
    assert python.text("1") == "1"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("val xs = spark.range(3)\n  .map(_ + 1)\n  .collect.toList", "xs: List[Long] = List(1, 2, 3)\n"),
        (
            "case class P(n: Int)\nobject P { def one = P(1) }\nP.one",
            "defined class P\ndefined object P\nres@: P = P(1)\n",
        ),
        ("Seq(P(1), P(2)).toDS.map(p => P(p.n + 1)).collect.map(_.n).sum", "res@: Int = 5\n"),
        ("val k = 5\nsc.parallelize(1 to 3).map(_ + k).sum", "k: Int = 5\nres@: Double = 21.0\n"),
        (
            "def twice(n: Int) = n * 2\nsc.parallelize(1 to 2).map(twice).collect.toList",
            "res@: List[Int] = List(2, 4)\n",
        ),
        ("val a = 1; val b = 2\nprintln(a + b)", "a: Int = 1\nb: Int = 2\n3\n"),
        ("if (a > 5) 1\nelse 2", "res@: Int = 2\n"),
        ('println("é 漢字 🎉")', "é 漢字 🎉\n"),
    ],
)
def test_scala_code_answers_as_spark_shell_does(scala: Session, code: str, text: str) -> None:
    answer = scala.text(code)
    head, _, tail = text.partition("res@")
    assert head in answer
    assert answer.endswith(tail)


def test_scala_magics_and_unfinished_code(scala: Session) -> None:
    assert scala.run('val m = Map("a" -> 1)\n%json m')["data"]["application/json"] == {"a": 1}
    table = scala.run('case class Q(a: Int, b: String)\nval rows = Seq((1, "x"), (2, null))\n%table rows')
    assert table["data"]["application/vnd.livy.table.v1+json"]["data"] == [[1, "x"], [2, None]]
    unfinished = scala.run("def f(")
    assert (unfinished["ename"], unfinished["evalue"]) == ("Error", "incomplete statement")
    assert "not found: value nosuch" in scala.run("nosuch")["evalue"]


def test_both_languages_complete_names(python: Session, scala: Session) -> None:
    assert "range" in python.complete("spark.ra", "pyspark")
    assert "sparkContext" in python.complete("x = spark.sparkC", "pyspark")
    scala.text("1")
    assert "range" in scala.complete("spark.ra", "spark")


def test_all_kinds_share_one_context(python: Session) -> None:
    python.text("spark.range(5000).createOrReplaceTempView('shared')")
    answer = python.run("select * from shared", "sql")["data"]["application/json"]
    assert len(answer["data"]) == 1000
    assert python.text('spark.table("shared").count', "spark").endswith("Long = 5000\n")


def test_r_code_is_refused_with_the_reason(python: Session) -> None:
    assert "sparkr.zip" in python.run("1 + 1", "sparkr")["evalue"]


def test_progress_goes_from_nothing_to_all(python: Session) -> None:
    number = python.submit("sc.parallelize(range(8), 8).foreach(lambda n: __import__('time').sleep(0.6))")
    seen = set()
    while (now := python.wait(f"/statements/{number}", "waiting", "running", "available"))["state"] != "available":
        seen.add(now["progress"])
        time.sleep(0.1)
    assert len([share for share in seen if 0 < share < 1]) >= 2
    assert now["progress"] == 1.0


@pytest.mark.parametrize(
    ("kind", "code", "ename"),
    [
        ("pyspark", "import time\nwhile True: time.sleep(60)", "KeyboardInterrupt"),
        ("pyspark", "while True: pass", "KeyboardInterrupt"),
        ("spark", "Thread.sleep(60000)", "Error"),
    ],
)
def test_cancelling_interrupts_code_without_jobs(python: Session, kind: str, code: str, ename: str) -> None:
    python.run("kept = 7")
    python.run("1", kind)
    number = python.submit(code, kind)
    python.wait(f"/statements/{number}", "running")
    time.sleep(0.5)
    begun = time.monotonic()
    python.cancel(number)
    done = python.wait(f"/statements/{number}", "cancelled")
    assert done["output"]["ename"] == ename
    assert time.monotonic() - begun < 50  # before the code would have ended by itself
    assert python.text("kept") == "7"


def test_a_cancelled_spark_job_leaves_its_own_message(python: Session, tmp_path: Path) -> None:
    for attempt in range(3):  # it ends by Python's KeyboardInterrupt or by Spark's word, whichever is first
        begun = tmp_path / str(attempt)
        begun.mkdir()
        task = f"[open({str(begun)!r} + f'/{{n}}', 'w').close(), __import__('time').sleep(60)]"
        number = python.submit(f"sc.parallelize(range(2), 2).foreach(lambda n: {task})")
        while not list(begun.iterdir()):
            time.sleep(0.2)
        python.cancel(number)
        output = python.wait(f"/statements/{number}", "cancelled")["output"]
        if output["ename"] != "KeyboardInterrupt":
            break
    assert f"cancelled job group {number}" in output["evalue"]


@pytest.mark.full
def test_a_deleted_session_leaves_no_process(engine: Engine) -> None:
    before = {process.pid for process in psutil.Process(engine.pid).children(recursive=True)}
    session = Session(engine.url, "pyspark")
    session.text("sc.parallelize([1]).map(lambda n: n).count()")
    session.text("new Thread(() => while (true) Thread.sleep(1000)).start()", "spark")
    session.submit("while True: pass")
    family = [p for p in psutil.Process(engine.pid).children(recursive=True) if p.pid not in before]
    assert len(family) >= 2
    session.delete()
    assert vanish(family)


def test_a_sessions_driver_is_small_and_a_killed_interpreter_makes_it_an_error(engine: Engine) -> None:
    drivers, before = below(engine, "RSCDriverBootstrapper"), {process.pid for process in below(engine, "livy_child")}
    session = Session(engine.url, "pyspark")
    session.text("spark.range(10).count()")
    driver_is_small(engine, session, {process.pid for process in drivers})
    for child in below(engine, "livy_child"):
        assert "secret" not in " ".join([*child.cmdline(), *child.environ()]).lower()
    child = next(process for process in below(engine, "livy_child") if process.pid not in before)
    child.kill()
    session.wait("", "error", seconds=60)
    assert session.run("1")["evalue"].startswith("Interpreter died:")
    session.delete()


@pytest.mark.full
def test_a_scala_sessions_driver_is_small(engine: Engine) -> None:
    before = {process.pid for process in below(engine, "RSCDriverBootstrapper")}
    session = Session(engine.url, "spark")
    session.text("spark.range(10).count")
    driver_is_small(engine, session, before)
    session.delete()


def driver_is_small(engine: Engine, session: Session, before: set[int]) -> None:
    driver = next(process for process in below(engine, "RSCDriverBootstrapper") if process.pid not in before)
    megabytes = driver.memory_info().rss / 1e6
    print(f"idle after {session.idle_after:.1f} s, driver {megabytes:.0f} MB")  # noqa: T201 - the figure
    assert megabytes <= DRIVER_MB
    # Java maps the archive for good only where it fits.
    assert any(Path(each.path).name == SPARK_ARCHIVE for each in driver.memory_maps())


def test_the_server_starts_from_its_archive(engine: Engine) -> None:
    _, server, *_ = engine.processes()
    assert any(Path(each.path).name == SERVER_ARCHIVE for each in server.memory_maps())


def test_the_driver_listens_on_loopback_only(engine: Engine, python: Session) -> None:
    listening = []
    for process in [psutil.Process(engine.pid), *psutil.Process(engine.pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):  # a worker of Spark's that just ended
            connections = process.net_connections("inet")
            listening += [connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN]
    assert len(listening) >= 4
    assert not [place for place in listening if not place.ip.startswith("127.")]
