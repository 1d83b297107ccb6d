// What the clients in Go share: the settings, and one JSON line for each step.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

var (
	host        = os.Getenv("DRIVER_HOST")
	port        = os.Getenv("DRIVER_PORT")
	database    = os.Getenv("DRIVER_DATABASE")
	user        = os.Getenv("DRIVER_USER")
	caFile      = os.Getenv("DRIVER_CA")
	application = os.Getenv("DRIVER_APPLICATION")
	usual       = os.Getenv("DRIVER_PASSWORD")
	large       = os.Getenv("DRIVER_PASSWORD_LARGE")
	wrong       = os.Getenv("DRIVER_PASSWORD_WRONG")
	expired     = os.Getenv("DRIVER_PASSWORD_EXPIRED")
)

const (
	bigBytes    = 5_000_000
	big         = "select string_agg(repeat('x', 1000), '') from generate_series(1, 5000)"
	stepSeconds = 60
)

var parameterNames = []string{"server_version", "application_name", "client_encoding", "TimeZone"}

// limit is returned where the driver has no such thing; the text says what is known about it.
type limit string

func (text limit) Error() string { return string(text) }

// freshTokens gives another token at every call, as a function that asks an identity provider would.
type freshTokens struct {
	mutex sync.Mutex
	left  []string
}

func newFreshTokens() *freshTokens {
	return &freshTokens{left: []string{
		os.Getenv("DRIVER_PASSWORD_FRESH_1"),
		os.Getenv("DRIVER_PASSWORD_FRESH_2"),
	}}
}

func (tokens *freshTokens) next() (string, error) {
	tokens.mutex.Lock()
	defer tokens.mutex.Unlock()
	if len(tokens.left) == 0 {
		return "", errors.New("asked for a third token")
	}
	token := tokens.left[0]
	tokens.left = tokens.left[1:]
	return token, nil
}

func copyLines() string {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "%d\tline number %d\n", i, i)
	}
	return text.String()
}

func parameters(value func(name string) string) string {
	var pairs []string
	for _, name := range parameterNames {
		pairs = append(pairs, name+"="+value(name))
	}
	return strings.Join(pairs, ", ")
}

func refused(sqlstate string, message string) string {
	if sqlstate == "" {
		sqlstate = "no SQLSTATE"
	}
	return sqlstate + ": " + strings.Join(strings.Fields(message), " ")
}

// must ends the step with this error, if there is one.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(isSo bool, what any) {
	if !isSo {
		panic(fmt.Errorf("%v", what))
	}
}

func version(modules ...string) {
	var found []string
	info, _ := debug.ReadBuildInfo()
	for _, wanted := range modules {
		for _, module := range info.Deps {
			if module.Path == wanted {
				found = append(found, wanted+" "+module.Version)
			}
		}
	}
	report("version", true, strings.Join(append(found, runtime.Version()), ", "))
}

func step(name string, run func() string) {
	deadline := time.AfterFunc(stepSeconds*time.Second, func() {
		report(name, false, "not in time")
		os.Exit(1)
	})
	defer deadline.Stop()
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case limit:
			report(name, nil, string(problem))
		default:
			report(name, false, fmt.Sprint(problem))
		}
	}()
	report(name, true, run())
}

func report(name string, ok any, detail string) {
	line, err := json.Marshal(map[string]any{"step": name, "ok": ok, "detail": detail})
	must(err)
	fmt.Println(string(line))
}
