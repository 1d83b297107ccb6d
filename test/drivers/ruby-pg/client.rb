require "connection_pool"
require "json"
require "pg"
require "timeout"

PASSWORD = ENV.fetch("DRIVER_PASSWORD")
LINES = (0...20_000).map { |i| "#{i}\tline number #{i}\n" }.join
BIG = "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)"
PARAMETERS = %w[server_version application_name client_encoding TimeZone].freeze
SETTINGS = {
  host: ENV.fetch("DRIVER_HOST"),
  port: ENV.fetch("DRIVER_PORT"),
  dbname: ENV.fetch("DRIVER_DATABASE"),
  user: ENV.fetch("DRIVER_USER"),
  application_name: ENV.fetch("DRIVER_APPLICATION"),
  sslmode: "verify-full",
  sslrootcert: ENV.fetch("DRIVER_CA"),
  connect_timeout: 10,
}.freeze

class RollBack < StandardError; end

def report(name, ok, detail)
  puts JSON.generate(step: name, ok: ok, detail: detail)
  $stdout.flush
end

def step(name)
  report(name, true, Timeout.timeout(60) { yield }.to_s)
rescue StandardError => e
  warn e.full_message
  report(name, false, "#{e.class}: #{e.message}")
end

def check(is_so, what)
  raise what unless is_so
end

def connect(password = PASSWORD)
  connection = PG.connect(**SETTINGS, password: password)
  return connection unless block_given?

  begin
    yield connection
  ensure
    connection.close
  end
end

def only(connection, sql, values = [])
  connection.exec_params(sql, values).getvalue(0, 0)
end

def connects(password)
  connect(password) do |connection|
    check(only(connection, "select session_user") == SETTINGS[:user], "another role")
  end
  nil
end

def refused(password)
  connect(password).close
  raise "logged in"
rescue PG::ConnectionBad => e
  "no SQLSTATE: #{e.message.split.join(' ')}"
end

libpq = PG.library_version
report("version", true, "ruby-pg #{PG::VERSION}, libpq #{libpq / 10_000}.#{libpq % 10_000}, Ruby #{RUBY_VERSION}")

step("connect") { connects(PASSWORD) }

step("parameters") do
  connect { |c| PARAMETERS.map { |name| "#{name}=#{c.parameter_status(name)}" }.join(", ") }
end

step("transaction") do
  connect do |connection|
    connection.exec("create temp table t (id int)")
    connection.transaction { |t| t.exec_params("insert into t values ($1)", [1]) }
    begin
      connection.transaction do |t|
        t.exec_params("insert into t values ($1)", [2])
        raise RollBack
      end
    rescue RollBack
      # As it was asked to.
    end
    check(only(connection, "select count(*) from t") == "1", "commit or rollback did not hold")
  end
  nil
end

step("error") do
  connect do |connection|
    begin
      connection.exec("select 1/0")
      raise "it did not fail"
    rescue PG::DivisionByZero => e
      check(e.result.error_field(PG::PG_DIAG_SQLSTATE) == "22012", e.message)
    end
    check(only(connection, "select $1::int", [1]) == "1", "the session is not usable")
  end
  nil
end

step("copy") do
  connect do |connection|
    connection.exec("create temp table t (id int, text text)")
    connection.copy_data("copy t from stdin") { connection.put_copy_data(LINES) }
    copied = +""
    connection.copy_data("copy t to stdout") do
      while (row = connection.get_copy_data)
        copied << row
      end
    end
    check(copied == LINES, "other lines came out")
  end
  nil
end

step("large-result") do
  connect { |connection| check(only(connection, BIG).length == 5_000_000, "not the whole value") }
  nil
end

step("cancel") do
  connect do |connection|
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    canceller = Thread.new do
      loop do
        sleep 0.3
        connection.cancel
      end
    end
    begin
      connection.exec("select pg_sleep(30)")
      raise "not cancelled"
    rescue PG::QueryCanceled => e
      check(e.result.error_field(PG::PG_DIAG_SQLSTATE) == "57014", e.message)
    ensure
      canceller.kill
    end
    check(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started < 10, "too late")
  end
  nil
end

step("notify") do
  connect do |listener|
    connect do |sender|
      listener.exec("listen news")
      sender.exec("notify news, 'hello'")
      received = nil
      listener.wait_for_notify(10) { |_channel, _pid, payload| received = payload }
      check(received == "hello", "another notification: #{received}")
    end
  end
  nil
end

step("pipeline") do
  connect do |connection|
    connection.enter_pipeline_mode
    100.times { |i| connection.send_query_params("select $1::int", [i]) }
    connection.pipeline_sync
    values = Array.new(100) do
      value = connection.get_result.getvalue(0, 0)
      check(connection.get_result.nil?, "more than one result")
      value.to_i
    end
    check(values == (0...100).to_a, "out of order")
    check(connection.get_result.result_status == PG::PGRES_PIPELINE_SYNC, "no end")
    connection.exit_pipeline_mode
  end
  nil
end

step("large-token") { connects(ENV.fetch("DRIVER_PASSWORD_LARGE")) }
step("wrong-token") { refused(ENV.fetch("DRIVER_PASSWORD_WRONG")) }
step("expired-token") { refused(ENV.fetch("DRIVER_PASSWORD_EXPIRED")) }

step("fresh-token") do
  tokens = Queue.new
  %w[DRIVER_PASSWORD_FRESH_1 DRIVER_PASSWORD_FRESH_2].each { |name| tokens << ENV.fetch(name) }
  pool = ConnectionPool.new(size: 2) { connect(tokens.pop(true)) }
  both = Queue.new
  pids = Array.new(2) do
    Thread.new do
      pool.with do |connection|
        pid = only(connection, "select pg_backend_pid()")
        both << pid
        # Held until the other thread has one of its own.
        Thread.pass until both.size == 2
        pid
      end
    end
  end.map(&:value)
  check(pids.uniq.size == 2 && tokens.empty?, "not two connections by two tokens")
  pool.shutdown(&:close)
  nil
end
