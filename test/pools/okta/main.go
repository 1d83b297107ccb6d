// What programs for CockroachDB with Okta do, without a word about Portcullis: a password for an ID token, the ID token
// for a connection, and later a refresh token for another ID token.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v4"
)

const (
	patience     = 30 * time.Second
	mostOfAnswer = 1 << 20
)

type tokens struct {
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
}

func ask(ctx context.Context, form url.Values) (tokens, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("OKTA_URL"), strings.NewReader(form.Encode()))
	if err != nil {
		return tokens{}, err
	}
	request.SetBasicAuth(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return tokens{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostOfAnswer))
	if err != nil {
		return tokens{}, err
	}
	if response.StatusCode != http.StatusOK {
		return tokens{}, fmt.Errorf("no token: %s", response.Status)
	}
	var given tokens
	if err := json.Unmarshal(body, &given); err != nil {
		return tokens{}, err
	}
	if given.ID == "" {
		return tokens{}, errors.New("no ID token")
	}
	return given, nil
}

func byPassword(ctx context.Context, scope string) (tokens, error) {
	return ask(ctx, url.Values{
		"grant_type": {"password"},
		"username":   {os.Getenv("OKTA_USERNAME")},
		"password":   {os.Getenv("PASSWORD")},
		"scope":      {scope},
	})
}

func byRefreshToken(ctx context.Context, refresh string) (tokens, error) {
	return ask(ctx, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refresh},
		"scope":         {"openid offline_access"},
	})
}

// whoAmI opens a connection and asks the database; the arguments of the program say where.
func whoAmI(ctx context.Context, idToken string) (string, error) {
	user, host, database, authorities := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	address := "postgresql://" + user + ":" + idToken + "@" + host + "/" + database +
		"?sslmode=verify-full&sslrootcert=" + authorities + "&options=--crdb:jwt_auth_enabled=true"
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return "", err
	}
	config.RuntimeParams["application_name"] = "okta"
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer connection.Close(ctx)
	var me string
	err = connection.QueryRow(ctx, "select session_user::text").Scan(&me)
	return me, err
}

func run(ctx context.Context) error {
	first, err := byPassword(ctx, "openid")
	if err != nil {
		return err
	}
	second, err := byPassword(ctx, "openid offline_access")
	if err != nil {
		return err
	}
	third, err := byRefreshToken(ctx, second.Refresh)
	if err != nil {
		return err
	}
	for _, given := range []tokens{first, second, third} {
		me, err := whoAmI(ctx, given.ID)
		if err != nil {
			return err
		}
		fmt.Println(me)
	}
	if first.Refresh != "" || third.Refresh == "" || second.ID == third.ID {
		return errors.New("not the tokens that were asked for")
	}
	return nil
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
