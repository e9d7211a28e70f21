package org.apache.livy.repl

import java.io.{ByteArrayOutputStream, File, PrintStream, PrintWriter}
import java.net.{URL, URLClassLoader}
import java.nio.file.Path
import java.util.concurrent.CompletableFuture

import scala.tools.nsc.Settings
import scala.tools.nsc.interpreter.IMain

import org.apache.livy.rsc.driver.SparkEntries

/** Scala's interpreter, set up as spark-shell does it; its classes go to the folder `classes`.
  *
  * Starting it takes seconds and needs no Spark, so it can begin (`start`) while Spark's context is made.
  */
class ScalaCompiler(classes: Path, val loader: SharedClassLoader) {

  val output = new ByteArrayOutputStream()
  val printer = new PrintStream(output, true, "UTF-8")
  private lazy val made = {
    val future = new CompletableFuture[IMain]()
    Daemon.start("livy-scala") {
      try future.complete(make())
      catch { case error: Throwable => future.completeExceptionally(error) }
    }
    future
  }

  def start(): Unit = made

  /** The interpreter with `spark` and `sc` in it; waits until it is up. */
  def ready(entries: SparkEntries): IMain = {
    val interpreter = made.get()
    loader.add(interpreter.classLoader)
    interpreter.beQuietDuring {
      // Without @transient, closures that use a name of the same statement would take Spark's session along.
      interpreter.bind("spark", "org.apache.spark.sql.SparkSession", entries.sparkSession(), List("@transient"))
      interpreter.bind("sc", "org.apache.spark.SparkContext", entries.sc().sc, List("@transient"))
      interpreter.interpret(Seq(
        "import org.apache.spark.SparkContext._",
        "import spark.implicits._",
        "import spark.sql",
        "import org.apache.spark.sql.functions._").mkString("\n"))
    }
    output.reset()
    interpreter
  }

  private def make(): IMain = {
    val settings = new Settings(message => throw new IllegalArgumentException(message))
    val path = jars.mkString(File.pathSeparator)
    val options = List("-Yrepl-class-based", "-Yrepl-outdir", classes.toString, "-classpath", path)
    settings.processArguments(options, processAll = true)
    settings.usejavacp.value = true
    val interpreter = new IMain(settings, new PrintWriter(printer, true)) {
      override protected def parentClassLoader: ClassLoader = loader.getParent
    }
    interpreter.initializeSynchronous()
    interpreter
  }

  /** Jars that the session was given, which the application's class path does not show. */
  private def jars: Seq[String] =
    Iterator.iterate(loader.getParent)(_.getParent).takeWhile(_ != null).toSeq
      .collect { case urls: URLClassLoader => urls.getURLs.toSeq }.flatten
      .filter(_.getProtocol == "file").map(url => new File(url.toURI).getPath)
}

/** A loader to which the Scala interpreter's loader is added when it is made; looked up after the parent. */
class SharedClassLoader(parent: ClassLoader) extends ClassLoader(parent) {
  @volatile private var added: Option[ClassLoader] = None

  def add(loader: ClassLoader): Unit = added = Some(loader)

  override protected def findClass(name: String): Class[_] =
    added.map(_.loadClass(name)).getOrElse(throw new ClassNotFoundException(name))

  override protected def findResource(name: String): URL = added.map(_.getResource(name)).orNull
}
