package org.apache.livy.repl

import org.json4s.JsonAST.{JArray, JInt, JObject, JString, JValue}
import org.json4s.jackson.JsonMethods.{compact, render}

/** Runs the statements of one language; `execute` is called by one thread at a time. */
trait Interpreter {

  /** Runs the code. Spark's jobs go into the group of the statement's number. */
  def execute(statement: Int, code: String): Outcome

  /** Names that can stand at the cursor (an offset into `code`). */
  def complete(code: String, cursor: Int): Seq[String] = Nil

  /** Stops the statement if it is still the one that runs; called by another thread, perhaps several times. */
  def interrupt(statement: Int): Unit

  def close(): Unit = ()
}

/** How a statement ended; `json` is the `output` that Livy's REST interface shows. */
sealed trait Outcome {
  def json(statement: Int): String
}

/** Results by MIME type. */
case class Done(data: List[(String, JValue)]) extends Outcome {
  def json(statement: Int): String =
    compact(render(JObject(
      "status" -> JString("ok"), "execution_count" -> JInt(statement), "data" -> JObject(data))))
}

object Done {
  def text(value: String): Done = Done(List("text/plain" -> JString(value)))
}

case class Failed(name: String, value: String, traceback: Seq[String] = Nil) extends Outcome {
  def json(statement: Int): String =
    compact(render(JObject(
      "status" -> JString("error"),
      "execution_count" -> JInt(statement),
      "ename" -> JString(name),
      "evalue" -> JString(value),
      "traceback" -> JArray(traceback.map(JString(_)).toList))))
}

/** An answer that the Python child has rendered already; it may be large, so it is not parsed again. */
case class Rendered(text: String) extends Outcome {
  def json(statement: Int): String = text
}

/** The interpreter's process is gone; the session cannot be used any longer. */
case class Died(lastWords: String) extends Outcome {
  def json(statement: Int): String = Failed("Error", s"Interpreter died:\n$lastWords").json(statement)
}

/** The kinds of code, as Livy's REST interface names them. */
object Kind {
  val Spark = "spark"
  val PySpark = "pyspark"
  val SparkR = "sparkr"
  val Sql = "sql"
  val Shared = "shared"

  def apply(name: String): String = name match {
    case Spark | PySpark | SparkR | Sql | Shared => name
    case "pyspark3" => PySpark
    case other => throw new IllegalArgumentException(s"Invalid kind: $other")
  }
}
