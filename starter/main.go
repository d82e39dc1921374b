// Command tenure asks for work on Microsoft 365 and Teams Phone users and watches it being done. It does none of it
// itself: everything goes through Temporal to a worker.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tenure/starter/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first Ctrl-C detaches; a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(command.Run(ctx, command.NewConsole(), os.Args[1:]))
}
