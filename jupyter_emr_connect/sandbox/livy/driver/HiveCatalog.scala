package org.apache.livy.repl

import java.nio.file.Files

import org.apache.spark.SparkConf

/** The Hive catalog of a session that asks for one by `spark.repl.enableHiveContext`.
  *
  * Livy's server overwrites `spark.sql.catalogImplementation` of each session with what the whole server is configured
  * for, so a session's own wish comes by that other setting of Livy's. Unless the session names a metastore, it has one
  * of its own in memory and a warehouse in a temporary folder, both gone with it: Derby, which Spark brings, serves one
  * process at a time.
  */
object HiveCatalog {

  /** Completes the settings; called before the session's Spark context is made. */
  def prepare(conf: SparkConf): Unit =
    if (conf.getBoolean("spark.repl.enableHiveContext", false)) {
      conf.set("spark.sql.catalogImplementation", "hive")
      conf.setIfMissing("spark.hadoop.javax.jdo.option.ConnectionURL", "jdbc:derby:memory:metastore;create=true")
      conf.setIfMissing("spark.sql.warehouse.dir", Files.createTempDirectory("livy-warehouse").toString)
      System.setProperty("derby.stream.error.file", "/dev/null")
    }
}
