import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.util.Credentials;
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public final class Client {
  static final String USER = Steps.variable("USER");
  static final String URL =
      "jdbc:postgresql://%s:%s/%s?sslmode=verify-full&sslrootcert=%s&ApplicationName=%s"
          .formatted(
              Steps.variable("HOST"),
              Steps.variable("PORT"),
              Steps.variable("DATABASE"),
              Steps.variable("CA"),
              Steps.variable("APPLICATION"));

  static Connection connect(String password) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", USER);
    properties.setProperty("password", password);
    properties.setProperty("connectTimeout", "10");
    return DriverManager.getConnection(URL, properties);
  }

  static Connection open() throws SQLException {
    return connect(Steps.variable("PASSWORD"));
  }

  static String only(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getString(1);
    }
  }

  static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  static SQLException failureOf(Steps.Step step) throws Exception {
    try {
      step.run();
    } catch (SQLException failure) {
      return failure;
    }
    throw new IllegalStateException("it did not fail");
  }

  static String connects(String password) throws SQLException {
    try (Connection connection = connect(password)) {
      Steps.check(only(connection, "select session_user").equals(USER), "another role");
    }
    return "";
  }

  static String parameters() throws SQLException {
    try (Connection connection = open()) {
      Map<String, String> seen =
          connection.unwrap(PGConnection.class).getParameterStatuses();
      // All that the server reports, where the other clients tell four of them.
      return new TreeMap<>(seen)
          .entrySet().stream()
              .map(Map.Entry::toString)
              .collect(Collectors.joining(", "));
    }
  }

  static String transaction() throws SQLException {
    try (Connection connection = open()) {
      execute(connection, "create temp table t (id int)");
      connection.setAutoCommit(false);
      execute(connection, "insert into t values (1)");
      connection.commit();
      execute(connection, "insert into t values (2)");
      connection.rollback();
      String count = only(connection, "select count(*) from t");
      Steps.check(count.equals("1"), "commit or rollback did not hold");
    }
    return "";
  }

  static String error() throws Exception {
    try (Connection connection = open()) {
      SQLException failure = failureOf(() -> only(connection, "select 1/0"));
      Steps.check("22012".equals(failure.getSQLState()), failure);
      Steps.check(only(connection, "select 1").equals("1"), "the session is not usable");
    }
    return "";
  }

  static String copy() throws Exception {
    String lines =
        IntStream.range(0, 20_000)
            .mapToObj(i -> i + "\tline number " + i + "\n")
            .collect(Collectors.joining());
    try (Connection connection = open()) {
      execute(connection, "create temp table t (id int, text text)");
      CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
      copies.copyIn("copy t from stdin", new StringReader(lines));
      StringWriter copied = new StringWriter();
      copies.copyOut("copy t to stdout", copied);
      Steps.check(copied.toString().equals(lines), "other lines came out");
    }
    return "";
  }

  static String largeResult() throws SQLException {
    try (Connection connection = open()) {
      Steps.check(only(connection, Steps.BIG).length() == Steps.BIG_BYTES, "not the whole value");
    }
    return "";
  }

  static String cancel() throws Exception {
    try (Connection connection = open();
        Statement statement = connection.createStatement()) {
      long started = System.nanoTime();
      Thread canceller =
          new Thread(
              () -> {
                try {
                  while (true) {
                    Thread.sleep(300);
                    statement.cancel();
                  }
                } catch (InterruptedException | SQLException ended) {
                  // The statement has ended.
                }
              });
      canceller.start();
      SQLException failure = failureOf(() -> String.valueOf(statement.execute("select pg_sleep(30)")));
      canceller.interrupt();
      canceller.join();
      Steps.check("57014".equals(failure.getSQLState()), failure);
      Steps.check(System.nanoTime() - started < 10_000_000_000L, "too late");
    }
    try (Connection connection = open();
        Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      SQLException failure = failureOf(() -> String.valueOf(statement.execute("select pg_sleep(31)")));
      Steps.check("57014".equals(failure.getSQLState()), failure);
      Steps.check(only(connection, "select 1").equals("1"), "the session is not usable");
    }
    return "Statement.cancel() and setQueryTimeout()";
  }

  static String notifications() throws SQLException {
    try (Connection listener = open();
        Connection sender = open()) {
      execute(listener, "listen news");
      execute(sender, "notify news, 'hello'");
      var received = listener.unwrap(PGConnection.class).getNotifications(10_000);
      Steps.check(
          received.length == 1 && received[0].getParameter().equals("hello"),
          "another notification");
    }
    return "";
  }

  static String pipeline() throws SQLException {
    try (Connection connection = open()) {
      execute(connection, "create temp table t (id int)");
      try (var statement = connection.prepareStatement("insert into t values (?)")) {
        for (int i = 0; i < 1000; i++) {
          statement.setInt(1, i);
          statement.addBatch();
        }
        Steps.check(statement.executeBatch().length == 1000, "not all of them");
      }
      Steps.check(only(connection, "select sum(id) from t").equals("499500"), "not all of them");
    }
    return "executeBatch()";
  }

  static String isRefused(String password) throws Exception {
    SQLException failure = failureOf(() -> connect(password).toString());
    return Steps.refused(failure.getSQLState(), failure.getMessage());
  }

  static HikariConfig poolOfTwo() {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(URL);
    config.setUsername(USER);
    config.setMaximumPoolSize(2);
    config.setMinimumIdle(0);
    config.setConnectionTimeout(10_000);
    // Otherwise it opens a connection of its own to see whether it can.
    config.setInitializationFailTimeout(-1);
    return config;
  }

  static void opensTwo(HikariConfig config, Steps.FreshTokens tokens) throws SQLException {
    try (HikariDataSource pool = new HikariDataSource(config)) {
      List<Connection> connections = new ArrayList<>();
      for (int i = 0; i < 2; i++) connections.add(pool.getConnection());
      String one = only(connections.get(0), "select pg_backend_pid()");
      String other = only(connections.get(1), "select pg_backend_pid()");
      for (Connection connection : connections) connection.close();
      Steps.check(
          !one.equals(other) && tokens.areUsed(), "not two connections by two tokens");
    }
  }

  static String freshToken() throws SQLException {
    Steps.FreshTokens tokens = new Steps.FreshTokens();
    HikariConfig config = poolOfTwo();
    // It is asked once when the pool is made, and then for each connection.
    AtomicBoolean isPoolMade = new AtomicBoolean();
    config.setCredentialsProvider(
        () ->
            Credentials.of(
                USER,
                isPoolMade.getAndSet(true) ? tokens.next() : Steps.variable("PASSWORD")));
    opensTwo(config, tokens);

    TokenPlugin.tokens = new Steps.FreshTokens();
    HikariConfig plugged = poolOfTwo();
    plugged.addDataSourceProperty("authenticationPluginClassName", TokenPlugin.class.getName());
    opensTwo(plugged, TokenPlugin.tokens);
    return "by HikariCP's credentials provider, and by pgjdbc's authentication plugin";
  }

  public static void main(String[] args) {
    Package pool = HikariDataSource.class.getPackage();
    String poolVersion = pool.getImplementationVersion();
    Steps.report(
        "version",
        "true",
        "pgjdbc %s, HikariCP %s, Java %s"
            .formatted(
                org.postgresql.util.DriverInfo.DRIVER_VERSION,
                poolVersion == null ? "7.1.0" : poolVersion,
                System.getProperty("java.version")));
    Steps.step("connect", () -> connects(Steps.variable("PASSWORD")));
    Steps.step("parameters", Client::parameters);
    Steps.step("transaction", Client::transaction);
    Steps.step("error", Client::error);
    Steps.step("copy", Client::copy);
    Steps.step("large-result", Client::largeResult);
    Steps.step("cancel", Client::cancel);
    Steps.step("notify", Client::notifications);
    Steps.step("pipeline", Client::pipeline);
    Steps.step("large-token", () -> connects(Steps.variable("PASSWORD_LARGE")));
    Steps.step("wrong-token", () -> isRefused(Steps.variable("PASSWORD_WRONG")));
    Steps.step("expired-token", () -> isRefused(Steps.variable("PASSWORD_EXPIRED")));
    Steps.step("fresh-token", Client::freshToken);
    System.exit(0);
  }
}
