package org.apache.livy.repl

import java.util.concurrent.Executors

import scala.util.control.NonFatal

import org.apache.livy.rsc.RSCConf
import org.apache.livy.rsc.RSCConf.Entry
import org.apache.livy.rsc.driver.{SparkEntries, Statement}
import org.apache.livy.rsc.driver.StatementState.{Available, Cancelled, Cancelling, Running, Waiting}
import org.apache.spark.SparkConf
import org.slf4j.LoggerFactory

/** The queue of statements of a session, and its state.
  *
  * Statements run one by one in the order they came, whatever their kind. `announce` is called with each new state
  * of the session.
  */
class Session(livyConf: RSCConf, announce: String => Unit) {

  private val log = LoggerFactory.getLogger(classOf[Session])
  private val kind = Option(livyConf.get(Entry.SESSION_KIND)).map(Kind(_)).getOrElse(Kind.Shared)
  private val book = new StatementBook(livyConf.getInt(Entry.RETAINED_STATEMENTS))
  private val interpreters = new Interpreters(livyConf, () => become("error"))
  private val worker = Executors.newSingleThreadExecutor((task: Runnable) => Daemon.make("livy-statements", task))
  private val canceller = new Canceller(livyConf, interpreters)

  private val spare = 1 << 20 // for the statement's code and the protocol itself

  @volatile private var current = "starting"

  def state: String = current

  /** Makes the Spark context; statements that came before wait for it. */
  def start(conf: SparkConf): SparkEntries = {
    val entries = interpreters.start(conf, kind)
    become("idle")
    if (kind != Kind.Shared) worker.submit((() => interpreters.prepare(kind)): Runnable)
    entries
  }

  def submit(code: String, wanted: Option[String]): Int = {
    if (code == null) throw new IllegalArgumentException("A statement needs code")
    val codeKind = kindOf(wanted)
    val text = code.replace("\r\n", "\n")
    val statement = book.add(text)
    worker.submit((() => run(statement, text, codeKind)): Runnable)
    statement.id
  }

  def cancel(id: Int): Unit = book.find(id).foreach(canceller.cancel(_, book))

  def complete(code: String, wanted: Option[String], cursor: Int): Seq[String] =
    interpreters.running(kindOf(wanted)).map(_.complete(code, cursor)).getOrElse(Nil)

  def statements: Seq[Statement] = refreshed(book.all)

  def statements(from: Int, size: Int): Seq[Statement] = refreshed(book.slice(from, size))

  def close(): Unit = {
    become("shutting_down")
    worker.shutdownNow()
    interpreters.close()
  }

  private def kindOf(wanted: Option[String]): String = wanted.map(Kind(_)).getOrElse(kind) match {
    case Kind.Shared => throw new IllegalArgumentException("Code type should be specified if session kind is shared")
    case known => known
  }

  /** Copies what the protocol will serialise, since the statements go on; a final state is never without output. */
  private def refreshed(found: Seq[Statement]): Seq[Statement] = found.map { statement =>
    val state = statement.state.get
    val copy = new Statement(statement.id, statement.code, state, statement.output)
    copy.started = statement.started
    copy.completed = statement.completed
    copy.progress =
      if (state.isOneOf(Running, Cancelling)) interpreters.progress(statement.id) else statement.progress
    copy
  }

  private def run(statement: Statement, code: String, codeKind: String): Unit =
    if (statement.compareAndTransit(Waiting, Running)) {
      statement.started = System.currentTimeMillis
      if (current != "error") become("busy")
      val outcome = executed(statement.id, code, codeKind)
      finish(statement, outcome)
      outcome match {
        case _: Died => become("error")
        case _ => if (current == "busy") become("idle")
      }
    }

  private def executed(id: Int, code: String, codeKind: String): Outcome =
    try {
      Thread.interrupted() // a late cancellation of the statement before must not hit this one
      interpreters.execute(codeKind, id, code)
    } catch {
      case NonFatal(error) =>
        log.error(s"Statement $id failed", error)
        Failed("Error", Option(error.getMessage).getOrElse(error.toString), error.getStackTrace.map(_.toString))
      case error: InterruptedException => Failed("Error", error.toString)
      case error: LinkageError => Failed("Error", error.toString)
    }

  private def finish(statement: Statement, outcome: Outcome): Unit = {
    statement.output = fitting(statement.id, outcome.json(statement.id))
    statement.completed = System.currentTimeMillis
    statement.progress = 1.0
    statement.compareAndTransit(Running, Available) || statement.compareAndTransit(Cancelling, Cancelled)
  }

  /** Replaces an output that is too large for Livy's protocol, which would close the connection. */
  private def fitting(id: Int, json: String): String = {
    val size = json.getBytes("UTF-8").length
    if (size <= livyConf.getInt(Entry.RPC_MAX_MESSAGE_SIZE) - spare) json
    else Failed("Error", s"The output has ${size >> 20} MB, more than Livy passes on; print or return less").json(id)
  }

  private def become(next: String): Unit = synchronized {
    if (current != next && current != "shutting_down") {
      current = next
      announce(next)
    }
  }
}

/** The statements that the server may ask for; the oldest are forgotten. */
class StatementBook(retained: Int) {

  private var kept = Vector.empty[Statement]
  private var next = 0

  def add(code: String): Statement = synchronized {
    val statement = new Statement(next, code, Waiting, null)
    next += 1
    kept = (kept :+ statement).takeRight(retained)
    statement
  }

  def all: Seq[Statement] = synchronized(kept)

  def find(id: Int): Option[Statement] = all.find(_.id == id)

  def slice(from: Int, size: Int): Seq[Statement] = all.filter(s => s.id >= from && s.id < from + size)
}
