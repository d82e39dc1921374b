package store

import (
	"context"
	"database/sql/driver"
)

// preparing keeps the statements of each SQLite connection prepared, as pgx does by itself on PostgreSQL. To prepare one
// takes longer than to run it.
type preparing struct{ driver.Connector }

// mostPrepared bounds the statements that a connection keeps; lists have a text of their own for each set of filters.
const mostPrepared = 128

// sqliteConn is what a connection of the driver can do, as far as database/sql makes use of it.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is a prepared statement of the driver.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// Connect implements driver.Connector.
func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &preparedConn{sqliteConn: conn.(sqliteConn), idle: map[string]sqliteStmt{}}, nil
}

// preparedConn is a connection with its prepared statements. Like every connection it is used by one caller at a time.
type preparedConn struct {
	sqliteConn
	// idle are the statements that nobody uses at the moment, by their text.
	idle map[string]sqliteStmt
}

// take takes a statement into use.
func (c *preparedConn) take(ctx context.Context, text string) (sqliteStmt, error) {
	if stmt, ok := c.idle[text]; ok {
		delete(c.idle, text)
		return stmt, nil
	}
	stmt, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.(sqliteStmt), nil
}

// giveBack ends the use of a statement.
func (c *preparedConn) giveBack(text string, stmt sqliteStmt) error {
	if _, another := c.idle[text]; another || len(c.idle) >= mostPrepared {
		return stmt.Close()
	}
	c.idle[text] = stmt
	return nil
}

// ExecContext implements driver.ExecerContext.
func (c *preparedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	stmt, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(ctx, args)
	if err != nil {
		_ = stmt.Close() // its own error is that of the execution
		return nil, err
	}
	return result, c.giveBack(text, stmt)
}

// QueryContext implements driver.QueryerContext.
func (c *preparedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args)
	if err != nil {
		_ = stmt.Close() // its own error is that of the execution
		return nil, err
	}
	return preparedRows{Rows: rows, close: func() error { return c.giveBack(text, stmt) }}, nil
}

// Close implements driver.Conn.
func (c *preparedConn) Close() error {
	for _, stmt := range c.idle {
		_ = stmt.Close() // the connection's end matters, not the statement's
	}
	clear(c.idle)
	return c.sqliteConn.Close()
}

// preparedRows gives the statement back when its rows were read.
type preparedRows struct {
	driver.Rows
	close func() error
}

// Close implements driver.Rows.
func (r preparedRows) Close() error {
	if err := r.Rows.Close(); err != nil {
		return err
	}
	return r.close()
}
