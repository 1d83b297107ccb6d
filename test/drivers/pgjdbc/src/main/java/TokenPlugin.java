import org.postgresql.plugin.AuthenticationPlugin;
import org.postgresql.plugin.AuthenticationRequestType;

/** What pgjdbc itself asks for a password, whatever pool is on top of it. */
public final class TokenPlugin implements AuthenticationPlugin {
  static volatile Steps.FreshTokens tokens;

  @Override
  public char[] getPassword(AuthenticationRequestType type) {
    return tokens.next().toCharArray();
  }
}
