package portcullistoken

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// OpenPool opens a pool in which every connection is opened with a token of its own moment.
func OpenPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	source := &Source{}
	config.BeforeConnect = func(ctx context.Context, connection *pgx.ConnConfig) (err error) {
		connection.Password, err = source.Token(ctx)
		return err
	}
	return pgxpool.NewWithConfig(ctx, config)
}
