package org.apache.livy.repl

import org.apache.livy.rsc.driver.SparkEntries
import org.json4s.JsonAST.{JArray, JObject, JValue}
import org.json4s.jackson.JsonMethods.parse

import scala.util.control.NonFatal

/** Runs SQL through Spark and answers with the schema and at most `limit` rows. */
class SqlInterpreter(entries: SparkEntries, limit: Int) extends Interpreter {

  @volatile private var thread: Option[Thread] = None

  override def execute(statement: Int, code: String): Outcome = {
    thread = Some(Thread.currentThread)
    try {
      val frame = entries.sparkSession().sql(code)
      val rows = frame.take(limit).map(row => JArray(row.toSeq.map(Json.of).toList)).toList
      val answer: JValue = JObject("schema" -> parse(frame.schema.json), "data" -> JArray(rows))
      Done(List("application/json" -> answer))
    } catch {
      case NonFatal(error) => Failed("Error", error.getMessage, error.getStackTrace.map(_.toString))
    } finally thread = None
  }

  override def interrupt(statement: Int): Unit = thread.foreach(_.interrupt())
}
