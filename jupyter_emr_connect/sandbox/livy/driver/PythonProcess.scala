package org.apache.livy.repl

import java.io.{BufferedReader, File, IOException, InputStreamReader}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.Paths
import java.util.concurrent.{CompletableFuture, ConcurrentHashMap, TimeUnit}
import java.util.concurrent.atomic.AtomicInteger

import scala.util.Try

import org.apache.spark.SparkConf
import org.json4s.JsonAST.{JField, JInt, JObject, JString}
import org.json4s.jackson.JsonMethods.{compact, render}
import org.slf4j.LoggerFactory

/** The child process of the Python interpreter and the pipes to it.
  *
  * Requests are lines of JSON; an answer is a line of the request's number, a space and JSON. What the child writes
  * to its stderr goes to the log, and its end is kept as the last words.
  */
class PythonProcess private (process: Process) {

  private val log = LoggerFactory.getLogger(classOf[PythonProcess])
  private val waiting = new ConcurrentHashMap[Int, CompletableFuture[String]]()
  private val numbers = new AtomicInteger()
  private val pipe = process.getOutputStream
  private val kept = 20
  private var words = Vector.empty[String]
  @volatile private var dead = false
  @volatile private var closing = false
  @volatile private var mourner: () => Unit = () => ()

  private val errors = Daemon.start("livy-python-stderr")(lines(process.getErrorStream) { line =>
    System.err.println(line)
    words.synchronized { words = (words :+ line).takeRight(kept) }
  })
  Daemon.start("livy-python-answers") {
    lines(process.getInputStream)(answer)
    buried()
  }

  /** Calls `body` once if the child dies by itself. */
  def onDeath(body: () => Unit): Unit = {
    mourner = body
    if (dead && !closing) body()
  }

  /** Sends a request; the answer fails when the child dies. */
  def request(what: String, fields: JField*): CompletableFuture[String] = {
    val number = numbers.incrementAndGet()
    val answer = new CompletableFuture[String]()
    waiting.put(number, answer)
    send(what, fields :+ ("request" -> JInt(number)): _*)
    if (dead) answer.completeExceptionally(new IOException("The Python interpreter is dead"))
    answer
  }

  def send(what: String, fields: JField*): Unit = {
    val line = compact(render(JObject(("do" -> JString(what)) +: fields.toList))) + "\n"
    try pipe.synchronized {
      pipe.write(line.getBytes(UTF_8))
      pipe.flush()
    } catch {
      case _: IOException => () // it is dying; the reader of its answers will notice
    }
  }

  /** What the child wrote to stderr last; told once. */
  def lastWords(): String = {
    errors.join(1000)
    this.synchronized {
      val told = if (words.isEmpty && !fresh) "" else words.mkString("", "\n", "\n")
      words = Vector.empty
      fresh = false
      told
    }
  }
  private var fresh = true

  def close(): Unit = {
    closing = true
    Try(pipe.close()) // the child ends itself at the end of its stdin
    if (!process.waitFor(1, TimeUnit.SECONDS)) process.destroyForcibly()
  }

  private def answer(line: String): Unit = {
    val gap = line.indexOf(' ')
    Option(waiting.remove(line.substring(0, gap).toInt)).foreach(_.complete(line.substring(gap + 1)))
  }

  private def buried(): Unit = {
    dead = true
    if (!closing) log.error(s"Process has died with ${process.waitFor()}")
    waiting.values.forEach(answer => answer.completeExceptionally(new IOException("The Python interpreter died")))
    if (!closing) mourner()
  }

  private def lines(stream: java.io.InputStream)(body: String => Unit): Unit = {
    val reader = new BufferedReader(new InputStreamReader(stream, UTF_8), 1 << 16)
    try Iterator.continually(reader.readLine()).takeWhile(_ != null).foreach(body)
    catch { case _: IOException => () }
  }
}

object PythonProcess {

  /** The child's first code: it finds the interpreter in the driver's own jar. */
  private val boot = "import sys; sys.path.insert(0, sys.argv[1]); from livy_child import interpreter; interpreter.main()"

  def start(conf: SparkConf): PythonProcess = {
    val jar = Paths.get(classOf[ReplDriver].getProtectionDomain.getCodeSource.getLocation.toURI)
    val libraries = Option(new File(sys.env.getOrElse("SPARK_HOME", "."), "python/lib").listFiles)
      .toSeq.flatten.map(_.getPath).filter(_.endsWith(".zip")).sorted
    val command = Seq(python(conf), "-c", boot, jar.toString) ++ libraries
    val builder = new ProcessBuilder(command: _*)
    builder.environment.put("PYTHONUNBUFFERED", "1")
    new PythonProcess(builder.start())
  }

  private def python(conf: SparkConf): String =
    conf.getOption("spark.pyspark.driver.python")
      .orElse(conf.getOption("spark.pyspark.python"))
      .orElse(sys.env.get("PYSPARK_DRIVER_PYTHON"))
      .orElse(sys.env.get("PYSPARK_PYTHON"))
      .getOrElse("python3")
}
