package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/lib/pq"
)

var ctx = context.Background()

func settings(password string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	pairs := []string{}
	for _, pair := range [][2]string{
		{"host", host},
		{"port", port},
		{"dbname", database},
		{"user", user},
		{"password", password},
		{"application_name", application},
		{"sslmode", "verify-full"},
		{"sslrootcert", caFile},
		{"connect_timeout", "10"},
	} {
		pairs = append(pairs, pair[0]+"='"+quote.Replace(pair[1])+"'")
	}
	return strings.Join(pairs, " ")
}

// tokenConnector makes every connection of a pool with a token of its own.
type tokenConnector struct {
	token func() (string, error)
}

func (connector tokenConnector) Connect(ctx context.Context) (driver.Conn, error) {
	token, err := connector.token()
	if err != nil {
		return nil, err
	}
	inner, err := pq.NewConnector(settings(token))
	if err != nil {
		return nil, err
	}
	return inner.Connect(ctx)
}

func (tokenConnector) Driver() driver.Driver { return &pq.Driver{} }

func open(password string) *sql.DB {
	db, err := sql.Open("postgres", settings(password))
	must(err)
	db.SetMaxOpenConns(1)
	return db
}

func only[T any](db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, query string, values ...any) T {
	var value T
	must(db.QueryRowContext(ctx, query, values...).Scan(&value))
	return value
}

func exec(db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, query string, values ...any) {
	_, err := db.ExecContext(ctx, query, values...)
	must(err)
}

func sqlstate(err error) string {
	var failure *pq.Error
	if errors.As(err, &failure) {
		return string(failure.Code)
	}
	return ""
}

// hint is what the server advises, which the text of the error leaves out.
func hint(err error) string {
	var failure *pq.Error
	if errors.As(err, &failure) && failure.Hint != "" {
		return " HINT: " + failure.Hint
	}
	return ""
}

func main() {
	version("github.com/lib/pq")

	step("connect", func() string {
		db := open(usual)
		defer db.Close()
		check(only[string](db, "select session_user") == user, "another role")
		return ""
	})

	step("parameters", func() string {
		db := open(usual)
		defer db.Close()
		return parameters(func(name string) string {
			return only[string](db, "select current_setting($1)", name)
		})
	})

	step("transaction", func() string {
		db := open(usual)
		defer db.Close()
		exec(db, "create temp table t (id int)")
		for id, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
			transaction, err := db.BeginTx(ctx, nil)
			must(err)
			exec(transaction, "insert into t values ($1)", id)
			must(end(transaction))
		}
		check(only[int](db, "select count(*) from t") == 1, "commit or rollback did not hold")
		return ""
	})

	step("error", func() string {
		db := open(usual)
		defer db.Close()
		_, err := db.ExecContext(ctx, "select 1/0")
		check(sqlstate(err) == "22012", err)
		check(only[int](db, "select $1::int", 1) == 1, "the session is not usable")
		return ""
	})

	step("copy", func() string {
		db := open(usual)
		defer db.Close()
		exec(db, "create temp table t (id int, text text)")
		transaction, err := db.BeginTx(ctx, nil)
		must(err)
		statement, err := transaction.Prepare("copy t (id, text) from stdin")
		must(err)
		for i := range 20_000 {
			_, err = statement.Exec(i, "line")
			must(err)
		}
		_, err = statement.Exec()
		must(err)
		must(statement.Close())
		must(transaction.Commit())
		check(only[int](db, "select count(*) from t") == 20_000, "not all lines")
		panic(limit("COPY FROM STDIN works; lib/pq has no COPY TO STDOUT"))
	})

	step("large-result", func() string {
		db := open(usual)
		defer db.Close()
		check(len(only[string](db, big)) == bigBytes, "not the whole value")
		return ""
	})

	step("cancel", func() string {
		db := open(usual)
		defer db.Close()
		connection, err := db.Conn(ctx)
		must(err)
		limited, stop := context.WithTimeout(ctx, 500*time.Millisecond)
		defer stop()
		started := time.Now()
		_, err = connection.ExecContext(limited, "select pg_sleep(30)")
		check(sqlstate(err) == "57014" || errors.Is(err, context.DeadlineExceeded), err)
		check(time.Since(started) < 10*time.Second, "too late")
		must(connection.Close())
		check(only[int](db, "select 1") == 1, "the pool is not usable")
		return "by a context: " + err.Error()
	})

	step("notify", func() string {
		listener := pq.NewListener(settings(usual), time.Second, time.Minute, nil)
		defer listener.Close()
		must(listener.Listen("news"))
		db := open(usual)
		defer db.Close()
		exec(db, "notify news, 'hello'")
		select {
		case notification := <-listener.Notify:
			check(notification != nil && notification.Extra == "hello", "another notification")
		case <-time.After(10 * time.Second):
			panic("no notification in time")
		}
		return "pq.Listener takes a connection string, so one token for all its reconnections"
	})

	step("pipeline", func() string {
		panic(limit("lib/pq has no pipeline mode"))
	})

	step("large-token", func() string {
		db := open(large)
		defer db.Close()
		check(only[string](db, "select session_user") == user, "another role")
		return ""
	})

	isRefused := func(password string) func() string {
		return func() string {
			db := open(password)
			defer db.Close()
			err := db.PingContext(ctx)
			check(err != nil, "logged in")
			return refused(sqlstate(err), err.Error()+hint(err))
		}
	}
	step("wrong-token", isRefused(wrong))
	step("expired-token", isRefused(expired))

	step("fresh-token", func() string {
		tokens := newFreshTokens()
		pool := sql.OpenDB(tokenConnector{tokens.next})
		defer pool.Close()
		var pids []int
		for range 2 {
			connection, err := pool.Conn(ctx)
			must(err)
			defer connection.Close()
			pids = append(pids, only[int](connection, "select pg_backend_pid()"))
		}
		check(pids[0] != pids[1] && len(tokens.left) == 0, "not two connections by two tokens")
		return ""
	})
}
