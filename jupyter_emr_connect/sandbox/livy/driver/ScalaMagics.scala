package org.apache.livy.repl

import org.apache.spark.sql.Row
import org.json4s.JsonAST._

/** Livy's magics in Scala code: `%json NAME` and `%table NAME`. */
object ScalaMagics {

  private val table = "application/vnd.livy.table.v1+json"

  def run(line: String, value: String => Option[Any]): Either[Failed, Done] = {
    val (magic, name) = line.split("\\s+", 2) match {
      case Array(magic, rest) => (magic, rest.trim)
      case Array(magic) => (magic, "")
    }
    magic match {
      case "json" | "table" =>
        value(name) match {
          case None => Left(Failed("NameError", s"Value $name does not exist"))
          case Some(found) if magic == "json" => Right(Done(List("application/json" -> Json.of(found))))
          case Some(found) => tableOf(found)
        }
      case _ => Left(Failed("UnknownMagic", s"Unknown magic command $magic"))
    }
  }

  private def tableOf(value: Any): Either[Failed, Done] = {
    val rows = (value match {
      case array: Array[_] => array.toSeq
      case some: Iterable[_] => some.toSeq
      case one => Seq(one)
    }).map(cells)
    val names = rows.flatMap(_.map(_._1)).distinct
    val types = names.map(name => rows.flatMap(_.collect { case (`name`, cell) => typeOf(cell) }).distinct.filter(_ != "NULL_TYPE"))
    if (types.exists(_.size > 1)) Left(Failed("TypeError", "table rows have different types"))
    else {
      val headers = names.zip(types).map { case (name, found) =>
        JObject("name" -> JString(name), "type" -> JString(found.headOption.getOrElse("NULL_TYPE")))
      }
      val data = rows.map(row => JArray(row.map(cell => Json.of(cell._2)).toList))
      Right(Done(List(table -> JObject("headers" -> JArray(headers.toList), "data" -> JArray(data.toList)))))
    }
  }

  private def cells(row: Any): Seq[(String, Any)] = row match {
    case row: Row if row.schema != null => row.schema.fieldNames.toSeq.zip(row.toSeq)
    case row: Row => numbered(row.toSeq)
    case map: scala.collection.Map[_, _] => map.toSeq.map { case (key, cell) => String.valueOf(key) -> cell }.sortBy(_._1)
    case array: Array[_] => numbered(array.toSeq)
    case some: Iterable[_] => numbered(some.toSeq)
    case some: Product => numbered(some.productIterator.toSeq)
    case one => numbered(Seq(one))
  }

  private def numbered(cells: Seq[Any]): Seq[(String, Any)] =
    cells.zipWithIndex.map { case (cell, index) => index.toString -> cell }

  private def typeOf(cell: Any): String = cell match {
    case null | None => "NULL_TYPE"
    case _: Boolean => "BOOLEAN_TYPE"
    case _: Byte => "TINYINT_TYPE"
    case _: Short => "SMALLINT_TYPE"
    case _: Int => "INT_TYPE"
    case _: Long => "BIGINT_TYPE"
    case _: Float => "FLOAT_TYPE"
    case _: Double => "DOUBLE_TYPE"
    case _: BigDecimal | _: java.math.BigDecimal => "DECIMAL_TYPE"
    case _: java.sql.Timestamp => "TIMESTAMP_TYPE"
    case _: java.sql.Date => "DATE_TYPE"
    case _: scala.collection.Map[_, _] => "MAP_TYPE"
    case _: Iterable[_] | _: Array[_] => "ARRAY_TYPE"
    case _ => "STRING_TYPE"
  }
}
