package org.apache.livy.repl

import java.net.InetAddress
import java.security.SecureRandom
import java.util.Base64

import org.apache.livy.rsc.driver.SparkEntries
import org.apache.spark.api.java.JavaSparkContext
import org.apache.spark.sql.SparkSession
import org.json4s.JsonAST.{JArray, JInt, JString}
import org.json4s.jackson.JsonMethods.parse
import py4j.GatewayServer

import scala.util.control.NonFatal

/** Runs Python code in a child process that drives this JVM's Spark through Py4J on the loopback interface. */
class PythonInterpreter(entries: SparkEntries, process: PythonProcess, onDeath: () => Unit) extends Interpreter {

  private val secret = {
    val bytes = new Array[Byte](32)
    new SecureRandom().nextBytes(bytes)
    Base64.getUrlEncoder.withoutPadding.encodeToString(bytes)
  }
  private val loopback = InetAddress.getByName("127.0.0.1")
  private val gateway = new GatewayServer.GatewayServerBuilder()
    .entryPoint(new PythonEntryPoint(entries))
    .javaAddress(loopback)
    .javaPort(0)
    .callbackClient(GatewayServer.DEFAULT_PYTHON_PORT, loopback, secret)
    .authToken(secret)
    .build()

  gateway.start(true)
  private val ready =
    process.request("start", "port" -> JInt(gateway.getListeningPort), "secret" -> JString(secret))
  process.onDeath(onDeath)

  override def execute(statement: Int, code: String): Outcome =
    try {
      ready.get()
      Rendered(process.request("execute", "statement" -> JInt(statement), "code" -> JString(code)).get())
    } catch {
      case _: java.util.concurrent.ExecutionException => Died(process.lastWords())
    }

  override def complete(code: String, cursor: Int): Seq[String] =
    try parse(process.request("complete", "code" -> JString(code), "cursor" -> JInt(cursor)).get()) match {
      case JArray(names) => names.collect { case JString(name) => name }
      case _ => Nil
    } catch { case NonFatal(_) => Nil }

  override def interrupt(statement: Int): Unit = process.send("interrupt", "statement" -> JInt(statement))

  override def close(): Unit = {
    process.close()
    gateway.shutdown()
  }
}

/** What Python finds at the gateway's entry point. */
class PythonEntryPoint(entries: SparkEntries) {
  def context(): JavaSparkContext = entries.sc()
  def session(): SparkSession = entries.sparkSession()
}
