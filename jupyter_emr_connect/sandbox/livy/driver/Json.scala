package org.apache.livy.repl

import org.apache.spark.sql.Row
import org.json4s.{DefaultFormats, Extraction, Formats}
import org.json4s.JsonAST._

import scala.util.Try

/** JSON of Spark's and Scala's values, in the forms that Livy uses. */
object Json {

  private implicit val formats: Formats = DefaultFormats

  def of(value: Any): JValue = value match {
    case null | None => JNull
    case Some(inner) => of(inner)
    case v: JValue => v
    case v: Boolean => JBool(v)
    case v: Byte => JInt(v.toInt)
    case v: Short => JInt(v.toInt)
    case v: Int => JInt(v)
    case v: Long => JInt(v)
    case v: Float => number(v.toDouble, JDecimal(BigDecimal(v.toString)))
    case v: Double => number(v, JDouble(v))
    case v: BigInt => JInt(v)
    case v: java.math.BigInteger => JInt(BigInt(v))
    case v: BigDecimal => JDecimal(v)
    case v: java.math.BigDecimal => JDecimal(BigDecimal(v))
    case v: java.util.Date => JString(formats.dateFormat.format(v))
    case v: Array[Byte] => JString(java.util.Base64.getEncoder.encodeToString(v))
    case v: Row if v.schema != null => JObject(v.schema.fieldNames.toList.zip(v.toSeq.map(of)))
    case v: Row => JArray(v.toSeq.map(of).toList)
    case v: scala.collection.Map[_, _] => JObject(v.toList.map { case (key, inner) => String.valueOf(key) -> of(inner) })
    case v: Iterable[_] => JArray(v.map(of).toList)
    case v: Array[_] => JArray(v.map(of).toList)
    case v: String => JString(v)
    case v: Product => Try(Extraction.decompose(v)).getOrElse(JString(v.toString))
    case v => JString(v.toString)
  }

  /** JSON has no NaN and no infinity. */
  private def number(value: Double, json: => JValue): JValue =
    if (value.isNaN || value.isInfinite) JString(value.toString) else json
}
