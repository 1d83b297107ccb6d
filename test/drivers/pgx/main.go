package main

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

var ctx = context.Background()

func address() string {
	query := url.Values{
		"sslmode":          {"verify-full"},
		"sslrootcert":      {caFile},
		"application_name": {application},
		"connect_timeout":  {"10"},
	}
	address := url.URL{
		Scheme:   "postgres",
		User:     url.User(user),
		Host:     host + ":" + port,
		Path:     database,
		RawQuery: query.Encode(),
	}
	return address.String()
}

func connect(password string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(address())
	must(err)
	config.Password = password
	// A context that ends cancels the statement at the server, instead of cutting the connection.
	config.BuildContextWatcherHandler = func(connection *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: connection, DeadlineDelay: 5 * time.Second}
	}
	return pgx.ConnectConfig(ctx, config)
}

func open() *pgx.Conn {
	connection, err := connect(usual)
	must(err)
	return connection
}

func only[T any](connection interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, sql string, values ...any) T {
	var value T
	must(connection.QueryRow(ctx, sql, values...).Scan(&value))
	return value
}

func exec(connection *pgx.Conn, sql string) {
	_, err := connection.Exec(ctx, sql)
	must(err)
}

func sqlstate(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

// hint is what the server advises, which the text of the error leaves out.
func hint(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) && failure.Hint != "" {
		return " HINT: " + failure.Hint
	}
	return ""
}

func main() {
	version("github.com/jackc/pgx/v5")

	step("connect", func() string {
		connection := open()
		defer connection.Close(ctx)
		check(only[string](connection, "select session_user::text") == user, "another role")
		return ""
	})

	step("parameters", func() string {
		connection := open()
		defer connection.Close(ctx)
		return parameters(connection.PgConn().ParameterStatus)
	})

	step("transaction", func() string {
		connection := open()
		defer connection.Close(ctx)
		exec(connection, "create temp table t (id int)")
		insert := func(id int, end error) error {
			return pgx.BeginFunc(ctx, connection, func(transaction pgx.Tx) error {
				_, err := transaction.Exec(ctx, "insert into t values ($1)", id)
				must(err)
				return end
			})
		}
		must(insert(1, nil))
		rollBack := errors.New("roll back")
		check(errors.Is(insert(2, rollBack), rollBack), "another error")
		check(only[int](connection, "select count(*) from t") == 1, "commit or rollback did not hold")
		return ""
	})

	step("error", func() string {
		connection := open()
		defer connection.Close(ctx)
		_, err := connection.Exec(ctx, "select 1/0")
		check(sqlstate(err) == "22012", err)
		check(only[int](connection, "select $1::int", 1) == 1, "the session is not usable")
		return ""
	})

	step("copy", func() string {
		connection := open()
		defer connection.Close(ctx)
		exec(connection, "create temp table t (id int, text text)")
		lines := copyLines()
		_, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(lines), "copy t from stdin")
		must(err)
		var copied bytes.Buffer
		_, err = connection.PgConn().CopyTo(ctx, &copied, "copy t to stdout")
		must(err)
		check(copied.String() == lines, "other lines came out")
		rows := [][]any{{1, "binary"}, {2, "format"}}
		_, err = connection.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "text"}, pgx.CopyFromRows(rows))
		must(err)
		return ""
	})

	step("large-result", func() string {
		connection := open()
		defer connection.Close(ctx)
		check(len(only[string](connection, big)) == bigBytes, "not the whole value")
		return ""
	})

	step("cancel", func() string {
		connection := open()
		defer connection.Close(ctx)
		limited, stop := context.WithTimeout(ctx, 500*time.Millisecond)
		defer stop()
		started := time.Now()
		_, err := connection.Exec(limited, "select pg_sleep(30)")
		check(sqlstate(err) == "57014", err)
		check(only[int](connection, "select 1") == 1, "the session is not usable")
		check(time.Since(started) < 10*time.Second, "too late")
		return "by a context, with CancelRequestContextWatcherHandler"
	})

	step("notify", func() string {
		listener, sender := open(), open()
		defer listener.Close(ctx)
		defer sender.Close(ctx)
		exec(listener, "listen news")
		exec(sender, "notify news, 'hello'")
		limited, stop := context.WithTimeout(ctx, 10*time.Second)
		defer stop()
		notification, err := listener.WaitForNotification(limited)
		must(err)
		check(notification.Payload == "hello", notification.Payload)
		return ""
	})

	step("pipeline", func() string {
		connection := open()
		defer connection.Close(ctx)
		pipeline := connection.PgConn().StartPipeline(ctx)
		for _, value := range []string{"1", "2", "3"} {
			pipeline.SendQueryParams("select $1::int", [][]byte{[]byte(value)}, nil, nil, nil)
		}
		must(pipeline.Sync())
		for _, value := range []string{"1", "2", "3"} {
			results, err := pipeline.GetResults()
			must(err)
			result := results.(*pgconn.ResultReader).Read()
			must(result.Err)
			check(string(result.Rows[0][0]) == value, "out of order")
		}
		must(pipeline.Close())
		batch := &pgx.Batch{}
		for i := range 100 {
			batch.Queue("select $1::int", i)
		}
		results := connection.SendBatch(ctx, batch)
		for i := range 100 {
			var value int
			must(results.QueryRow().Scan(&value))
			check(value == i, "out of order")
		}
		must(results.Close())
		return "StartPipeline and SendBatch"
	})

	step("large-token", func() string {
		connection, err := connect(large)
		must(err)
		defer connection.Close(ctx)
		check(only[string](connection, "select session_user::text") == user, "another role")
		return ""
	})

	isRefused := func(password string) func() string {
		return func() string {
			_, err := connect(password)
			check(err != nil, "logged in")
			return refused(sqlstate(err), err.Error()+hint(err))
		}
	}
	step("wrong-token", isRefused(wrong))
	step("expired-token", isRefused(expired))

	step("fresh-token", func() string {
		tokens := newFreshTokens()
		config, err := pgxpool.ParseConfig(address())
		must(err)
		config.MaxConns = 2
		config.BeforeConnect = func(_ context.Context, connection *pgx.ConnConfig) (err error) {
			connection.Password, err = tokens.next()
			return err
		}
		pool, err := pgxpool.NewWithConfig(ctx, config)
		must(err)
		defer pool.Close()
		var pids []int
		for range 2 {
			connection, err := pool.Acquire(ctx)
			must(err)
			defer connection.Release()
			pids = append(pids, only[int](connection, "select pg_backend_pid()"))
		}
		check(pids[0] != pids[1] && len(tokens.left) == 0, "not two connections by two tokens")
		return ""
	})
}
