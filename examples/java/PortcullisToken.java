import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tokens for the connections of a program, by running `portcullis token`: once for all threads that want one at the
 * same time.
 */
public final class PortcullisToken {
  private static final Duration COMMAND_TIMEOUT = Duration.ofMinutes(1);

  /** A token that has less left than this is not used for another connection. */
  private static final Duration MOST_SPARE = Duration.ofSeconds(30);

  // Neither a token nor a time has a character in it that JSON would write otherwise.
  private static final Pattern TOKEN = Pattern.compile("\"token\":\\s*\"([^\"\\\\]+)\"");
  private static final Pattern EXPIRES_AT = Pattern.compile("\"expires_at\":\\s*\"([^\"\\\\]+)\"");

  private record Answer(String token, Instant renewAt) {}

  private final List<String> command;
  private CompletableFuture<Answer> flight = CompletableFuture.completedFuture(new Answer("", Instant.MIN));

  /** Of the default profile. */
  public PortcullisToken() {
    this(null);
  }

  public PortcullisToken(String profile) {
    command = new ArrayList<>(List.of("portcullis", "token", "--format", "json", "--no-interaction"));
    if (profile != null) command.addAll(List.of("--profile", profile));
  }

  /** A token for a connection that is opened now. */
  public String get() {
    CompletableFuture<Answer> current;
    boolean isMine = false;
    synchronized (this) {
      if (flight.isDone() && isOver(flight)) {
        flight = new CompletableFuture<>();
        isMine = true;
      }
      current = flight;
    }
    if (isMine) {
      try {
        current.complete(run());
      } catch (RuntimeException problem) {
        current.completeExceptionally(problem);
      }
    }
    try {
      return current.join().token();
    } catch (CompletionException problem) {
      throw new IllegalStateException(problem.getCause().getMessage(), problem.getCause());
    }
  }

  private static boolean isOver(CompletableFuture<Answer> done) {
    return done.isCompletedExceptionally() || !Instant.now().isBefore(done.join().renewAt());
  }

  private Answer run() {
    try {
      // What it says about a problem goes into a file: a full pipe would hold it up.
      Path said = Files.createTempFile("portcullis", ".txt");
      try {
        Process process = new ProcessBuilder(command).redirectError(said.toFile()).start();
        try {
          process.getOutputStream().close();
          CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> read(process));
          if (!process.waitFor(COMMAND_TIMEOUT.toSeconds(), TimeUnit.SECONDS))
            throw new IllegalStateException("portcullis token: no answer in time");
          // It says what to do about it, and has no token in it.
          if (process.exitValue() != 0)
            throw new IllegalStateException(Files.readString(said).strip());
          return parse(output.join());
        } finally {
          process.destroyForcibly();
        }
      } finally {
        Files.deleteIfExists(said);
      }
    } catch (IOException problem) {
      throw new UncheckedIOException(problem);
    } catch (InterruptedException problem) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("portcullis token: interrupted", problem);
    }
  }

  private static String read(Process process) {
    try {
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException problem) {
      throw new UncheckedIOException(problem);
    }
  }

  private static Answer parse(String json) {
    Matcher token = TOKEN.matcher(json);
    Matcher expires = EXPIRES_AT.matcher(json);
    if (!token.find() || !expires.find())
      throw new IllegalStateException("portcullis token printed no token");
    Instant expiresAt = Instant.parse(expires.group(1));
    Duration half = Duration.between(Instant.now(), expiresAt).dividedBy(2);
    return new Answer(token.group(1), expiresAt.minus(half.compareTo(MOST_SPARE) < 0 ? half : MOST_SPARE));
  }
}
