package org.apache.livy.repl

import java.nio.file.{Files, Path}

import scala.collection.mutable
import scala.concurrent.{Await, Promise}
import scala.concurrent.duration.Duration
import scala.util.{Failure, Try}

import org.apache.livy.rsc.RSCConf
import org.apache.livy.rsc.RSCConf.Entry
import org.apache.livy.rsc.driver.SparkEntries
import org.apache.spark.SparkConf

/** The session's one Spark context and its interpreters, each made at its first use (the session's own at once). */
class Interpreters(livyConf: RSCConf, onDeath: () => Unit) {

  private val spark = Promise[SparkEntries]()
  private val made = mutable.Map.empty[String, Interpreter]
  private val classes: Path = Files.createTempDirectory("livy-classes")
  private var compiler: ScalaCompiler = _

  @volatile private var busy: Option[(Int, Interpreter)] = None

  def start(conf: SparkConf, kind: String): SparkEntries = {
    val outer = Thread.currentThread.getContextClassLoader
    val loader = new SharedClassLoader(outer)
    compiler = new ScalaCompiler(classes, loader)
    conf.set("spark.repl.class.outputDir", classes.toString)
    HiveCatalog.prepare(conf)
    val python = Option(kind).filter(_ == Kind.PySpark).map(_ => PythonProcess.start(conf))
    if (kind == Kind.Spark) compiler.start()
    // Spark's executor keeps the loader it finds here, so closures see the classes that Scala statements define.
    Thread.currentThread.setContextClassLoader(loader)
    try {
      val entries = new SparkEntries(conf)
      entries.sc()
      entries.sparkSession()
      python.foreach(process => synchronized(made(Kind.PySpark) = new PythonInterpreter(entries, process, onDeath)))
      spark.success(entries)
      entries
    } catch {
      case error: Throwable =>
        spark.tryComplete(Failure(error))
        python.foreach(_.close())
        throw error
    } finally Thread.currentThread.setContextClassLoader(outer)
  }

  /** Makes the interpreter of a kind unless it is there; waits for the context. */
  def prepare(kind: String): Interpreter = {
    val entries = Await.result(spark.future, Duration.Inf)
    synchronized(made.getOrElseUpdate(kind, make(kind, entries)))
  }

  /** Runs a statement in the interpreter of its kind; waits for the context. */
  def execute(kind: String, statement: Int, code: String): Outcome = {
    val interpreter = prepare(kind)
    val entries = Await.result(spark.future, Duration.Inf)
    entries.sc().setJobGroup(statement.toString, s"Job group for statement $statement")
    busy = Some(statement -> interpreter)
    try interpreter.execute(statement, code)
    finally busy = None
  }

  /** The interpreter of a kind if it was made already. */
  def running(kind: String): Option[Interpreter] = synchronized(made.get(kind))

  def interrupt(statement: Int): Unit =
    busy.foreach { case (id, interpreter) => if (id == statement) interpreter.interrupt(statement) }

  /** Cancels the statement's Spark jobs; returns whether any was active. */
  def cancelJobs(statement: Int): Boolean = context.exists { entries =>
    val active = jobs(entries, statement).exists(_.status.name == "RUNNING")
    entries.sc().cancelJobGroup(statement.toString)
    active
  }

  /** The share of the statement's tasks that are done, 0 to 1. */
  def progress(statement: Int): Double = context.map { entries =>
    val stages = jobs(entries, statement).flatMap(_.stageIds)
      .flatMap(id => Option(entries.sc().statusTracker.getStageInfo(id)))
    val all = stages.map(_.numTasks).sum
    if (all == 0) 0.0 else stages.map(_.numCompletedTasks).sum.toDouble / all
  }.getOrElse(0.0)

  def close(): Unit = {
    synchronized(made.values.toList).foreach(interpreter => Try(interpreter.close()))
    Try(Files.walk(classes).sorted(java.util.Comparator.reverseOrder[Path]()).forEach(p => Files.delete(p)))
  }

  private def context: Option[SparkEntries] = spark.future.value.flatMap(_.toOption)

  private def jobs(entries: SparkEntries, statement: Int) = {
    val tracker = entries.sc().statusTracker
    tracker.getJobIdsForGroup(statement.toString).toSeq.flatMap(id => Option(tracker.getJobInfo(id)))
  }

  private def make(kind: String, entries: SparkEntries): Interpreter = kind match {
    case Kind.Spark => new ScalaInterpreter(entries, compiler)
    case Kind.PySpark => new PythonInterpreter(entries, PythonProcess.start(entries.sc().getConf), onDeath)
    case Kind.Sql => new SqlInterpreter(entries, livyConf.getInt(Entry.SQL_NUM_ROWS))
    case Kind.SparkR => SparkRUnavailable
    case Kind.Shared => throw new IllegalArgumentException("No interpreter is of the kind shared")
  }
}

/** pip's Spark comes without SparkR's package, so R code is refused with the reason. */
private object SparkRUnavailable extends Interpreter {
  override def execute(statement: Int, code: String): Outcome =
    Failed("Error", "SparkR is not available: this Spark was installed without its R package (sparkr.zip)")
  override def interrupt(statement: Int): Unit = ()
}
