package org.apache.livy.repl

import java.io.{ByteArrayOutputStream, File, PrintStream, PrintWriter}
import java.net.URLClassLoader
import java.nio.file.Path

import scala.tools.nsc.Settings
import scala.tools.nsc.interpreter.{IMain, PresentationCompilerCompleter}
import scala.tools.nsc.interpreter.Results.{Error, Incomplete, Success}

import org.apache.livy.rsc.driver.SparkEntries

/** Runs Scala code through Scala's own interpreter, set up as spark-shell does.
  *
  * A statement is split where Scala's parser ends its definitions and expressions, and these run one after the
  * other until one fails, so that what they print stands in order.
  */
class ScalaInterpreter(entries: SparkEntries, classes: Path, shared: SharedClassLoader) extends Interpreter {

  private val output = new ByteArrayOutputStream()
  private val printer = new PrintStream(output, true, "UTF-8")
  private val scala = make()
  private lazy val completer = new PresentationCompilerCompleter(scala)
  @volatile private var thread: Option[Thread] = None

  override def execute(statement: Int, code: String): Outcome = inContext {
    try {
      val chunks = Chunks.of(code, scala)
      chunks.foldLeft[Either[Outcome, Unit]](Right(())) { (before, chunk) => before.flatMap(_ => run(chunk)) } match {
        case Left(outcome) => outcome
        case Right(()) => Done.text(printed())
      }
    } finally output.reset()
  }

  override def complete(code: String, cursor: Int): Seq[String] = inContext {
    synchronized(completer.complete(code, cursor).candidates)
  }

  override def interrupt(statement: Int): Unit = thread.foreach(_.interrupt())

  override def close(): Unit = scala.close()

  private def run(chunk: Chunk): Either[Outcome, Unit] = chunk match {
    case Magic(line, last) =>
      ScalaMagics.run(line, name => scala.valueOfTerm(name)) match {
        case Right(data) if last => Left(merged(data))
        case Right(_) => Right(())
        case Left(failure) => Left(failure)
      }
    case Code(text) =>
      interpret(text) match {
        case Success => Right(())
        case Incomplete => Left(Failed("Error", "incomplete statement"))
        case Error => Left(failed(printed()))
      }
  }

  private def interpret(text: String) = Console.withOut(printer)(scala.interpret(text))

  private def merged(data: Done): Outcome = {
    val text = printed()
    if (text.isEmpty) data else Done(Done.text(text).data ++ data.data)
  }

  private def printed(): String = output.toString("UTF-8")

  /** The interpreter prints an error's message on its first line and the rest below. */
  private def failed(text: String): Failed = {
    val lines = text.linesWithSeparators.toList
    Failed("Error", lines.headOption.map(_.stripLineEnd).getOrElse("UNKNOWN ERROR"), lines.drop(1))
  }

  private def inContext[T](body: => T): T = {
    val current = Thread.currentThread
    val before = current.getContextClassLoader
    current.setContextClassLoader(shared)
    thread = Some(current)
    try body
    finally {
      thread = None
      current.setContextClassLoader(before)
    }
  }

  private def make(): IMain = {
    val settings = new Settings(message => throw new IllegalArgumentException(message))
    val options = List("-Yrepl-class-based", "-Yrepl-outdir", classes.toString, "-classpath", jars.mkString(File.pathSeparator))
    settings.processArguments(options, processAll = true)
    settings.usejavacp.value = true
    val parent = shared.getParent
    val interpreter = new IMain(settings, new PrintWriter(printer, true)) {
      override protected def parentClassLoader: ClassLoader = parent
    }
    interpreter.initializeSynchronous()
    shared.add(interpreter.classLoader)
    interpreter.beQuietDuring {
      interpreter.bind("spark", "org.apache.spark.sql.SparkSession", entries.sparkSession(), List("@transient"))
      interpreter.bind("sc", "org.apache.spark.SparkContext", entries.sc().sc, List("@transient"))
      interpreter.interpret("""
        import org.apache.spark.SparkContext._
        import spark.implicits._
        import spark.sql
        import org.apache.spark.sql.functions._
      """)
    }
    output.reset()
    interpreter
  }

  /** Jars that the session was given, which the application class path does not show. */
  private def jars: Seq[String] =
    Iterator.iterate(shared.getParent)(_.getParent).takeWhile(_ != null).toSeq
      .collect { case loader: URLClassLoader => loader.getURLs.toSeq }.flatten
      .filter(_.getProtocol == "file").map(url => new File(url.toURI).getPath)
}
