package org.apache.livy.repl

import org.apache.livy.rsc.RSCConf
import org.apache.livy.rsc.RSCConf.Entry
import org.apache.livy.rsc.driver.Statement
import org.apache.livy.rsc.driver.StatementState.{Cancelled, Cancelling, Running, Waiting}

/** Cancels statements: a waiting one at once, a running one through Spark first, then through its interpreter.
  *
  * Spark's jobs get a moment to fail by themselves, so that the user sees Spark's own message; what still runs
  * without a job (a loop, a sleep) is interrupted.
  */
class Canceller(conf: RSCConf, interpreters: Interpreters) {

  private val interval = conf.getTimeAsMs(Entry.JOB_CANCEL_TRIGGER_INTERVAL)
  private val timeout = conf.getTimeAsMs(Entry.JOB_CANCEL_TIMEOUT)
  private val betweenInterrupts = 2000L
  private val roundsWithoutJobs = 5
  private val planning = 20000L

  def cancel(statement: Statement, book: StatementBook): Unit =
    if (statement.compareAndTransit(Waiting, Cancelled)) close(statement)
    else if (statement.compareAndTransit(Running, Cancelling))
      Daemon.start(s"livy-cancel-${statement.id}")(stop(statement))

  private def stop(statement: Statement): Unit = {
    val deadline = System.currentTimeMillis + timeout
    var quiet = 0
    var interrupted = 0L
    while (statement.state.get == Cancelling && System.currentTimeMillis < deadline) {
      quiet = if (interpreters.cancelJobs(statement.id)) 0 else quiet + 1
      val now = System.currentTimeMillis
      if (quiet >= roundsWithoutJobs && now - interrupted >= betweenInterrupts) {
        interpreters.interrupt(statement.id)
        interrupted = now
      }
      Thread.sleep(interval)
    }
    // Nothing helped: say so as Livy does; the session stays busy until the code ends.
    if (statement.compareAndTransit(Cancelling, Cancelled)) close(statement)
    if (interrupted > 0) cancelStragglers(statement)
  }

  /** Cancels what Spark was still planning when its caller in Python was interrupted: the job begins all the same. */
  private def cancelStragglers(statement: Statement): Unit = {
    val deadline = System.currentTimeMillis + planning
    while (System.currentTimeMillis < deadline) {
      interpreters.cancelJobs(statement.id)
      Thread.sleep(interval)
    }
  }

  private def close(statement: Statement): Unit = {
    statement.completed = System.currentTimeMillis
    statement.updateProgress(1.0)
  }
}
