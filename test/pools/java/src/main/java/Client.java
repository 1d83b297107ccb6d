import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

public final class Client {
  static final int CONNECTIONS = 20;

  static double seconds(String name) {
    return Double.parseDouble(System.getenv(name));
  }

  static long millis(String name) {
    return Math.round(seconds(name) * 1000);
  }

  static String url() {
    return "jdbc:postgresql://%s:%s/%s?sslmode=verify-full&sslrootcert=%s"
        .formatted(
            System.getenv("PGHOST"),
            System.getenv("PGPORT"),
            System.getenv("PGDATABASE"),
            System.getenv("PGSSLROOTCERT"));
  }

  static HikariConfig config() {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(url());
    config.setUsername(System.getenv("PGUSER"));
    config.setMaximumPoolSize(CONNECTIONS);
    return config;
  }

  static String sessionUser(Connection connection) throws SQLException {
    try (PreparedStatement statement =
            connection.prepareStatement("select session_user from pg_sleep(0.2)");
        ResultSet rows = statement.executeQuery()) {
      rows.next();
      return rows.getString(1);
    }
  }

  /** Two connections at once by each recipe. */
  static void recipes() throws SQLException {
    try (HikariDataSource pool = PortcullisPool.open(config());
        Connection one = pool.getConnection();
        Connection other = pool.getConnection()) {
      report("HikariCP", List.of(sessionUser(one), sessionUser(other)));
    }
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("authenticationPluginClassName", "PortcullisPlugin");
    try (Connection one = DriverManager.getConnection(url(), properties);
        Connection other = DriverManager.getConnection(url(), properties)) {
      report("pgjdbc", List.of(sessionUser(one), sessionUser(other)));
    }
  }

  static void report(String recipe, List<String> users) {
    System.out.printf("{\"recipe\": %s, \"users\": %s}%n", quoted(recipe), list(users));
  }

  static String quoted(String text) {
    String escaped = text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s+", " ");
    return '"' + escaped + '"';
  }

  static String list(Iterable<String> texts) {
    List<String> all = new ArrayList<>();
    texts.forEach(text -> all.add(quoted(text)));
    return all.stream().collect(Collectors.joining(", ", "[", "]"));
  }

  static void load() throws InterruptedException {
    AtomicInteger queries = new AtomicInteger();
    ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    ScheduledExecutorService evictions = Executors.newSingleThreadScheduledExecutor();
    try (HikariDataSource pool = PortcullisPool.open(config())) {
      // No connection of HikariCP lives for less than 30 s by its configuration.
      long lifetime = millis("POOLS_LIFETIME_SECONDS");
      evictions.scheduleAtFixedRate(
          () -> pool.getHikariPoolMXBean().softEvictConnections(),
          lifetime,
          lifetime,
          TimeUnit.MILLISECONDS);
      long end = System.nanoTime() + millis("POOLS_SECONDS") * 1_000_000;
      List<Thread> workers = new ArrayList<>();
      for (int i = 0; i < CONNECTIONS; i++) {
        Thread worker =
            new Thread(
                () -> {
                  while (System.nanoTime() < end) {
                    try (Connection connection = pool.getConnection();
                        PreparedStatement statement =
                            connection.prepareStatement("select pg_sleep(?)")) {
                      statement.setDouble(1, seconds("POOLS_QUERY_SECONDS"));
                      statement.execute();
                      queries.incrementAndGet();
                    } catch (SQLException | RuntimeException failure) {
                      failures.add(String.valueOf(failure.getMessage()));
                    }
                  }
                });
        worker.start();
        workers.add(worker);
      }
      for (Thread worker : workers) worker.join();
    } finally {
      evictions.shutdownNow();
    }
    System.out.printf("{\"queries\": %d, \"failures\": %s}%n", queries.get(), list(failures));
  }

  public static void main(String[] args) throws Exception {
    if (args.length > 0) recipes();
    else load();
    System.exit(0);
  }
}
