import org.postgresql.plugin.AuthenticationPlugin;
import org.postgresql.plugin.AuthenticationRequestType;

/**
 * For pgjdbc with any pool or none, by its connection property {@code authenticationPluginClassName}. It makes one
 * for each connection, so they share the token.
 */
public final class PortcullisPlugin implements AuthenticationPlugin {
  private static final PortcullisToken TOKEN = new PortcullisToken();

  @Override
  public char[] getPassword(AuthenticationRequestType type) {
    return TOKEN.get().toCharArray();
  }
}
