package connect

import (
	"log/slog"

	"go.temporal.io/sdk/log"
)

// Quiet is a logger for the SDK that says nothing, for where its lines would stand among what people read.
func Quiet() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }
