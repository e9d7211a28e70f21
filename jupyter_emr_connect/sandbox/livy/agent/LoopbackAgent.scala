package jupyter_emr_connect.agent

import java.lang.instrument.Instrumentation
import java.net.{InetAddress, InetSocketAddress}
import java.util.Collections

/** Makes a loopback address this JVM's wildcard address, so that what would listen on 0.0.0.0 does not.
  *
  * Started as `-javaagent:JAR=ADDRESS`. Livy's RPC servers bind their ports to the wildcard whatever the
  * configuration says (livy-rsc, class `RpcServer`), in the Livy server as in the sessions' drivers. A driver needs
  * 127.0.0.1: the server calls back the address that the driver's connection came from. Java 17 keeps the wildcard
  * in a field, which is changed here. Nothing of Scala's library is used, since the server brings another version
  * of it. A failure ends the JVM, which is better than a port that is open to the network.
  */
object LoopbackAgent {
  def premain(address: String, instrumentation: Instrumentation): Unit = {
    openJavaNet(instrumentation)
    val implementation = classOf[InetAddress].getDeclaredField("impl")
    implementation.setAccessible(true)
    val holder = implementation.get(null)
    val wildcard = holder.getClass.getDeclaredField("anyLocalAddress")
    wildcard.setAccessible(true)
    wildcard.set(holder, InetAddress.getByName(address))
    if (!new InetSocketAddress(0).getAddress.isLoopbackAddress)
      throw new IllegalStateException("The wildcard address could not be changed to " + address)
  }

  private def openJavaNet(instrumentation: Instrumentation): Unit =
    instrumentation.redefineModule(
      classOf[InetAddress].getModule,
      Collections.emptySet[Module],
      Collections.emptyMap[String, java.util.Set[Module]],
      Collections.singletonMap("java.net", Collections.singleton(getClass.getModule)),
      Collections.emptySet[Class[_]],
      Collections.emptyMap[Class[_], java.util.List[Class[_]]])
}
