package org.apache.livy.repl

import scala.tools.nsc.interpreter.PresentationCompilerCompleter
import scala.tools.nsc.interpreter.Results.{Error, Incomplete, Success}

import org.apache.livy.rsc.driver.SparkEntries

/** Runs Scala code through Scala's own interpreter, set up as spark-shell does.
  *
  * A statement is split where Scala's parser ends its definitions and expressions, and these run one after the
  * other until one fails, so that what they print stands in order.
  */
class ScalaInterpreter(entries: SparkEntries, compiler: ScalaCompiler) extends Interpreter {

  private val output = compiler.output
  private val scala = compiler.ready(entries)
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
        case Incomplete if comment(text) => Right(())
        case Incomplete => Left(Failed("Error", "incomplete statement"))
        case Error => Left(failed(printed()))
      }
  }

  /** Whether the text holds nothing but comments; Livy runs it in braces, which counts as one more result. */
  private def comment(text: String): Boolean = scala.parse(text) match {
    case scala.parse.Success(Nil) => interpret(s"{\n$text\n}") == Success
    case _ => false
  }

  private def interpret(text: String) = Console.withOut(compiler.printer)(scala.interpret(text))

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
    current.setContextClassLoader(compiler.loader)
    thread = Some(current)
    try body
    finally {
      thread = None
      current.setContextClassLoader(before)
    }
  }
}
