package jupyter_emr_connect.agent

import java.lang.instrument.Instrumentation
import java.net.{InetAddress, InetSocketAddress}
import java.util.Collections

/** Makes a loopback address the wildcard address of this JVM, so that what would listen on 0.0.0.0 does not.
  *
  * Livy's RPC servers bind their ports to the wildcard whatever the configuration says (livy-rsc 0.7.1 and 0.8.0,
  * `RpcServer`). Started as `-javaagent:JAR=ADDRESS` in the Livy server and in the sessions' drivers. Nothing of
  * Scala's library is used, since the server brings another version of it. If the JVM will not be changed, it ends
  * at once rather than listen to the network.
  */
object LoopbackAgent {
  def premain(address: String, instrumentation: Instrumentation): Unit = {
    val opened = Collections.singletonMap("java.net", Collections.singleton(getClass.getModule))
    instrumentation.redefineModule(
      classOf[InetAddress].getModule,
      Collections.emptySet[Module],
      Collections.emptyMap[String, java.util.Set[Module]],
      opened,
      Collections.emptySet[Class[_]],
      Collections.emptyMap[Class[_], java.util.List[Class[_]]])
    val implementation = classOf[InetAddress].getDeclaredField("impl")
    implementation.setAccessible(true)
    val holder = implementation.get(null)
    val wildcard = holder.getClass.getDeclaredField("anyLocalAddress")
    wildcard.setAccessible(true)
    wildcard.set(holder, InetAddress.getByName(address))
    if (!new InetSocketAddress(0).getAddress.isLoopbackAddress)
      throw new IllegalStateException("The wildcard address could not be changed to " + address)
  }
}
