package org.apache.livy.repl

import scala.tools.nsc.interpreter.IMain

/** A part of a statement that runs at once: Scala code, or a line with a magic. */
sealed trait Chunk
case class Code(text: String) extends Chunk
case class Magic(line: String, last: Boolean) extends Chunk

/** Splits a statement into what runs one after the other. */
object Chunks {

  def of(code: String, scala: IMain): List[Chunk] = {
    val groups = grouped(code.split("\n", -1).toList)
    groups.zipWithIndex.flatMap {
      case (line :: Nil, index) if line.startsWith("%") => List(Magic(line.drop(1), index == groups.size - 1))
      case (lines, _) => split(lines.mkString("\n"), scala).map(Code)
    }
  }

  private def grouped(lines: List[String]): List[List[String]] =
    lines.foldLeft(List.empty[List[String]]) {
      case (before, line) if line.startsWith("%") => List(line) :: before
      case ((head @ (first :: _)) :: rest, line) if !first.startsWith("%") => (head :+ line) :: rest
      case (before, line) => List(line) :: before
    }.reverse

  /** Cuts the code before each line on which a definition or expression begins; code that does not parse stays whole,
    * so that the interpreter says why. A class and its companion stay together.
    */
  private def split(code: String, scala: IMain): List[String] =
    if (code.trim.isEmpty) Nil
    else scala.parse(code) match {
      case scala.parse.Success(trees) if trees.nonEmpty =>
        val starts = trees.sliding(2).collect {
          case List(a, b) if !companions(a, b, scala) => lineStart(code, b.pos.start)
        }.toList
        cut(code, starts.filter(_ > 0).distinct)
      case _ => List(code)
    }

  private def companions(a: Any, b: Any, scala: IMain): Boolean = {
    import scala.global._
    (a, b) match {
      case (first: ImplDef, second: ImplDef) => first.name.toString == second.name.toString
      case _ => false
    }
  }

  private def lineStart(code: String, offset: Int): Int = code.lastIndexOf('\n', math.max(offset - 1, 0)) + 1

  private def cut(code: String, starts: List[Int]): List[String] =
    ((0 :: starts) zip (starts :+ code.length)).map { case (from, until) => code.substring(from, until) }
}
