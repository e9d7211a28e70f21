package org.apache.livy.repl

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicBoolean

import io.netty.channel.{Channel, ChannelHandlerContext, ChannelInboundHandlerAdapter}
import org.apache.livy.rsc.{BaseProtocol, RSCConf, ReplJobResults}
import org.apache.livy.rsc.driver.{RSCDriver, SparkEntries}
import org.apache.livy.rsc.rpc.Rpc
import org.apache.spark.SparkConf

/** What Livy's server starts for an interactive session, and talks to by RSC's protocol.
  *
  * The server finds this class by name. `RSCDriver` (livy-rsc) owns the connection, the context's life and the
  * job API; this class adds the four messages of the interpreters. The dispatcher finds the `handle` methods by
  * the exact class of the message.
  *
  * `RSCDriver` (0.7.1) is the one dispatcher of two channels on two threads: of that by which it tells the server its
  * address, and of the server's own. So a header of one was taken for the content of the other ("Expected RPC header"),
  * and the end of the first gave up the calls of the second, whose replies then ended the session. Here each channel's
  * header waits for its content, and the first ends unseen.
  */
class ReplDriver(conf: SparkConf, livyConf: RSCConf) extends RSCDriver(conf, livyConf) {

  private val session = new Session(livyConf, state => broadcast(new BaseProtocol.ReplState(state)))

  private val headers = new ConcurrentHashMap[Channel, AnyRef]
  private val dispatching = new Object
  private val isFirst = new AtomicBoolean(true)

  override def handlerAdded(ctx: ChannelHandlerContext): Unit =
    if (isFirst.getAndSet(false)) ctx.pipeline.addBefore(ctx.name, "unseen-end", new ChannelInboundHandlerAdapter {
      override def channelInactive(ctx: ChannelHandlerContext): Unit = ()
    })

  override def channelRead(ctx: ChannelHandlerContext, msg: AnyRef): Unit = {
    val header = headers.remove(ctx.channel)
    if (header == null) headers.put(ctx.channel, msg)
    else dispatching.synchronized {
      super.channelRead(ctx, header)
      super.channelRead(ctx, msg)
    }
  }

  override protected def initializeSparkEntries(): SparkEntries = session.start(conf)

  override protected def onClientAuthenticated(client: Rpc): Unit =
    client.call(new BaseProtocol.ReplState(session.state))

  override protected def shutdownContext(): Unit = {
    Exit.force(after = 8000)
    try session.close()
    finally super.shutdownContext()
  }

  def handle(ctx: ChannelHandlerContext, msg: BaseProtocol.ReplJobRequest): Int =
    session.submit(msg.code, Option(msg.codeType))

  def handle(ctx: ChannelHandlerContext, msg: BaseProtocol.CancelReplJobRequest): Unit = session.cancel(msg.id)

  def handle(ctx: ChannelHandlerContext, msg: BaseProtocol.ReplCompleteRequest): Array[String] =
    session.complete(msg.code, Option(msg.codeType), msg.cursor).toArray

  def handle(ctx: ChannelHandlerContext, msg: BaseProtocol.GetReplJobResults): ReplJobResults = {
    val found = if (msg.allResults) session.statements else session.statements(msg.from, msg.size)
    new ReplJobResults(found.toArray)
  }
}

/** Ends the JVM even when user code left threads behind that are no daemons. */
private object Exit {
  def force(after: Long): Unit = Daemon.start("livy-exit") {
    Thread.sleep(after)
    Runtime.getRuntime.halt(0)
  }
}

/** Threads that never keep the JVM alive. */
private object Daemon {
  def start(name: String)(body: => Unit): Thread = {
    val thread = make(name, () => body)
    thread.start()
    thread
  }

  def make(name: String, body: Runnable): Thread = {
    val thread = new Thread(body, name)
    thread.setDaemon(true)
    thread
  }
}
