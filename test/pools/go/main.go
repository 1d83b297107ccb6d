package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portcullis.example/pools/portcullistoken"
)

const connections = 20

func seconds(name string) float64 {
	value, err := strconv.ParseFloat(os.Getenv(name), 64)
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func duration(name string) time.Duration {
	return time.Duration(seconds(name) * float64(time.Second))
}

func main() {
	ctx := context.Background()
	// Where to connect is in the variables of libpq.
	config, err := pgxpool.ParseConfig("")
	must(err)
	config.MaxConns = connections
	config.MaxConnLifetime = duration("POOLS_LIFETIME_SECONDS") / 2
	// Each lives for another while, or all would end at once.
	config.MaxConnLifetimeJitter = duration("POOLS_LIFETIME_SECONDS")
	pool, err := portcullistoken.OpenPool(ctx, config)
	must(err)
	defer pool.Close()
	if len(os.Args) > 1 {
		recipe(ctx, pool)
	} else {
		load(ctx, pool)
	}
}

// recipe opens two connections at once.
func recipe(ctx context.Context, pool *pgxpool.Pool) {
	var users []string
	for range 2 {
		connection, err := pool.Acquire(ctx)
		must(err)
		defer connection.Release()
		var user string
		must(connection.QueryRow(ctx, "select session_user::text").Scan(&user))
		users = append(users, user)
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{"recipe": "pgxpool", "users": users}))
}

func load(ctx context.Context, pool *pgxpool.Pool) {
	sleep := seconds("POOLS_QUERY_SECONDS")
	end := time.Now().Add(duration("POOLS_SECONDS"))
	var mutex sync.Mutex
	queries, failures := 0, []string{}
	work := func() {
		for time.Now().Before(end) {
			_, err := pool.Exec(ctx, "select pg_sleep($1)", sleep)
			mutex.Lock()
			if err != nil {
				failures = append(failures, err.Error())
			} else {
				queries++
			}
			mutex.Unlock()
		}
	}
	var workers sync.WaitGroup
	for range connections {
		workers.Go(work)
	}
	workers.Wait()
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{"queries": queries, "failures": failures}))
}
