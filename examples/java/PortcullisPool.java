import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.util.Credentials;

public final class PortcullisPool {
  /** HikariCP 7.1 and later ask their provider for each connection. */
  public static HikariDataSource open(HikariConfig config) {
    PortcullisToken token = new PortcullisToken();
    String user = config.getUsername();
    config.setCredentialsProvider(() -> Credentials.of(user, token.get()));
    return new HikariDataSource(config);
  }

  private PortcullisPool() {}
}
