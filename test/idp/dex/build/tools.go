//go:build tools

// Package dex says which Dex the tests are run with.
package dex

import _ "github.com/dexidp/dex/cmd/dex"
