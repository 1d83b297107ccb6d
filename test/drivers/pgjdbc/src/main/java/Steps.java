import java.util.ArrayDeque;
import java.util.Queue;

/** The settings, and one JSON line for each step. */
final class Steps {
  static final int BIG_BYTES = 5_000_000;
  static final String BIG =
      "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)";

  static final class Limit extends RuntimeException {
    Limit(String text) {
      super(text);
    }
  }

  interface Step {
    String run() throws Exception;
  }

  /** Gives another token at every call, as one that asks an identity provider would. */
  static final class FreshTokens {
    private final Queue<String> left = new ArrayDeque<>();

    FreshTokens() {
      left.add(variable("PASSWORD_FRESH_1"));
      left.add(variable("PASSWORD_FRESH_2"));
    }

    synchronized String next() {
      return left.remove();
    }

    synchronized boolean areUsed() {
      return left.isEmpty();
    }
  }

  static String variable(String name) {
    return System.getenv("DRIVER_" + name);
  }

  static void check(boolean isSo, Object what) {
    if (!isSo) throw new IllegalStateException(String.valueOf(what));
  }

  static String refused(String sqlstate, String message) {
    String shown = sqlstate == null ? "no SQLSTATE" : sqlstate;
    return shown + ": " + message.strip().replaceAll("\\s+", " ");
  }

  static void step(String name, Step step) {
    try {
      report(name, "true", step.run());
    } catch (Limit limit) {
      report(name, "null", limit.getMessage());
    } catch (Throwable problem) {
      problem.printStackTrace();
      report(name, "false", problem.toString());
    }
  }

  static void report(String name, String ok, String detail) {
    StringBuilder text = new StringBuilder();
    detail
        .chars()
        .forEach(
            character -> {
              if (character == '"' || character == '\\') text.append('\\');
              if (character < ' ') text.append(String.format("\\u%04x", character));
              else text.append((char) character);
            });
    System.out.printf("{\"step\":\"%s\",\"ok\":%s,\"detail\":\"%s\"}%n", name, ok, text);
  }

  private Steps() {}
}
