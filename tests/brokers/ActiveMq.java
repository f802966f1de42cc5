import java.io.File;
import java.util.List;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;

/** A broker that speaks AMQP 1.0. Arguments: port, folder, a user's name and password. */
public class ActiveMq {
    public static void main(String[] told) throws Exception {
        BrokerService broker = new BrokerService();
        broker.setDataDirectoryFile(new File(told[1]));
        broker.setUseJmx(false);
        broker.getSystemUsage().getStoreUsage().setLimit(64 << 20);
        broker.getSystemUsage().getTempUsage().setLimit(64 << 20);
        broker.getSystemUsage().getMemoryUsage().setLimit(64 << 20);
        List<AuthenticationUser> users = List.of(new AuthenticationUser(told[2], told[3], "users"));
        broker.setPlugins(new BrokerPlugin[] {new SimpleAuthenticationPlugin(users)});
        broker.addConnector("amqp://127.0.0.1:" + told[0]);
        broker.start();
        broker.waitUntilStopped();
    }
}
