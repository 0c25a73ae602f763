// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// keptStatements bounds the prepared statements that a connection keeps.
// whatsmeow has some sixty; a few of them come with varying numbers of values.
const keptStatements = 256

// preparing is SQLite's driver, with statements that are prepared once a
// connection. whatsmeow hands in SQL text each time, and to parse it took SQLite
// longer than to run it: a message in or out is some ten small statements.
type preparing struct{ driver.Connector }

// newPreparing returns the driver for a data source name of modernc.org/sqlite.
func newPreparing(source string) (driver.Connector, error) {
	plain, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, err
	}
	return preparing{plain}, nil
}

// Connect opens a connection.
func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	plain, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver lacks what is needed of it"), opened.Close())
	}
	return &preparingConn{sqliteConn: plain, idle: make(map[string]driver.Stmt)}, nil
}

// sqliteConn is what a connection of modernc.org/sqlite can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is what a statement of it can do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// preparingConn is one connection; database/sql uses it from one goroutine at a time.
type preparingConn struct {
	sqliteConn
	idle map[string]driver.Stmt // prepared, and not in use
}

// take returns a statement that nobody else uses.
func (c *preparingConn) take(ctx context.Context, query string) (sqliteStmt, error) {
	kept, found := c.idle[query]
	if found {
		delete(c.idle, query)
	} else {
		var err error
		if kept, err = c.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	return kept.(sqliteStmt), nil
}

// give takes back what take returned.
func (c *preparingConn) give(query string, used sqliteStmt) error {
	if _, found := c.idle[query]; found || len(c.idle) >= keptStatements {
		return used.Close()
	}
	c.idle[query] = used
	return nil
}

// Close closes the connection and its statements.
func (c *preparingConn) Close() error {
	var all error
	for _, stmt := range c.idle {
		all = errors.Join(all, stmt.Close())
	}
	clear(c.idle)
	return errors.Join(all, c.sqliteConn.Close())
}

// uncancelled lets a statement run to its end. Each of them is short and waits at
// most busy_timeout, while to watch a context costs a goroutine a statement.
func uncancelled(ctx context.Context) (context.Context, error) {
	return context.WithoutCancel(ctx), ctx.Err()
}

// ExecContext runs a statement without rows.
func (c *preparingConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (result driver.Result, err error) {
	if ctx, err = uncancelled(ctx); err != nil {
		return nil, err
	}
	stmt, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if result, err = stmt.ExecContext(ctx, args); err != nil {
		_ = stmt.Close() // whatever state it is in
		return nil, err
	}
	return result, c.give(query, stmt)
}

// QueryContext runs a statement with rows.
func (c *preparingConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (rows driver.Rows, err error) {
	if ctx, err = uncancelled(ctx); err != nil {
		return nil, err
	}
	stmt, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if rows, err = stmt.QueryContext(ctx, args); err != nil {
		_ = stmt.Close()
		return nil, err
	}
	return &preparedRows{rows, c, query, stmt}, nil
}

// preparedRows gives its statement back at its end.
type preparedRows struct {
	driver.Rows
	conn  *preparingConn
	query string
	stmt  sqliteStmt
}

// Close ends the statement's run.
func (r *preparedRows) Close() error {
	if err := r.Rows.Close(); err != nil {
		return errors.Join(err, r.stmt.Close())
	}
	return r.conn.give(r.query, r.stmt)
}

// BeginTx begins a transaction that may write at once (store.go says why), or only reads.
func (c *preparingConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	begin := "BEGIN IMMEDIATE"
	if options.ReadOnly {
		begin = "BEGIN"
	}
	if _, err := c.ExecContext(ctx, begin, nil); err != nil {
		return nil, err
	}
	return preparedTx{c}, nil
}

// preparedTx is a transaction.
type preparedTx struct{ conn *preparingConn }

// Commit ends it; where it fails, nothing of it is left.
func (t preparedTx) Commit() error {
	_, err := t.conn.ExecContext(context.Background(), "COMMIT", nil)
	if err != nil {
		_ = t.Rollback() // a commit that did not come through leaves the transaction open
	}
	return err
}

// Rollback undoes it.
func (t preparedTx) Rollback() error {
	_, err := t.conn.ExecContext(context.Background(), "ROLLBACK", nil)
	return err
}
