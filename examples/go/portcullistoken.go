// Package portcullistoken has tokens for the connections of a program, by running `portcullis token`.
package portcullistoken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	commandTimeout = time.Minute
	// A token that has less left than this is not used for another connection.
	mostSpare = 30 * time.Second
)

// Source has a token that is good, and runs the command once for any number of connections that want one at the
// same time. Its zero value is of the default profile.
type Source struct {
	Profile string

	mutex   sync.Mutex
	token   string
	renewAt time.Time
	flight  *flight
}

type flight struct {
	done  chan struct{}
	token string
	err   error
}

// Token returns a token for a connection that is opened now.
func (source *Source) Token(ctx context.Context) (string, error) {
	source.mutex.Lock()
	if time.Now().Before(source.renewAt) {
		defer source.mutex.Unlock()
		return source.token, nil
	}
	if source.flight == nil {
		source.flight = &flight{done: make(chan struct{})}
		go source.renew(source.flight)
	}
	current := source.flight
	source.mutex.Unlock()

	select {
	case <-current.done:
		return current.token, current.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// renew is nobody's in particular: a caller that gives up does not take the token from the others.
func (source *Source) renew(current *flight) {
	token, expiresAt, err := run(source.Profile)

	source.mutex.Lock()
	defer source.mutex.Unlock()
	if err == nil {
		source.token = token
		source.renewAt = expiresAt.Add(-min(mostSpare, time.Until(expiresAt)/2))
	}
	source.flight = nil
	current.token, current.err = token, err
	close(current.done)
}

func run(profile string) (token string, expiresAt time.Time, err error) {
	ctx, stop := context.WithTimeout(context.Background(), commandTimeout)
	defer stop()
	arguments := []string{"token", "--format", "json", "--no-interaction"}
	if profile != "" {
		arguments = append(arguments, "--profile", profile)
	}
	output, err := exec.CommandContext(ctx, "portcullis", arguments...).Output()
	var failure *exec.ExitError
	if errors.As(err, &failure) {
		// It says what to do about it, and has no token in it.
		return "", time.Time{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(failure.Stderr)))
	}
	if err != nil {
		return "", time.Time{}, err
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(output, &answer); err != nil || answer.Token == "" {
		return "", time.Time{}, errors.New("portcullis token printed no token")
	}
	return answer.Token, answer.ExpiresAt, nil
}
