// Connects as DBeaver and DataGrip do: PgJDBC, and what stands in their fields. The password is where PgJDBC looks for
// it by itself, in the passfile.
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

public class Gui {
  public static void main(String[] fields) throws Exception {
    String url = String.format("jdbc:postgresql://%s:%s/%s", fields[0], fields[1], fields[2]);
    Properties properties = new Properties();
    properties.setProperty("user", fields[3]);
    properties.setProperty("sslmode", fields[4]);
    properties.setProperty("sslfactory", fields[5]);
    properties.setProperty("ApplicationName", "DBeaver - Main");
    System.out.println(url + " " + properties);
    try (Connection connection = DriverManager.getConnection(url, properties);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("select session_user, count(*) from orders")) {
      rows.next();
      System.out.println(rows.getString(1) + " sees " + rows.getInt(2) + " orders");
    }
  }
}
