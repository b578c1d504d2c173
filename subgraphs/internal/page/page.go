// Package page implements the GraphQL Cursor Connections Specification (https://relay.dev/graphql/connections.htm) by
// keyset pagination: a page costs one index range at any depth, and rows that are inserted or deleted meanwhile
// neither repeat nor hide others.
package page

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"boxoffice.dev/pkg/apperr"
)

// Sizes of a page, in rows.
const (
	DefaultSize = 20
	MaxSize     = 100
)

// Args are the arguments of a connection field.
type Args struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Key is the total order of a list: by one column, ties broken by id in the same direction.
type Key struct {
	Name   string // part of every cursor, so that a cursor of another order is refused
	Column string // SQL expression, not null
	Type   string // its SQL type: timestamptz, int or text
	Desc   bool
}

// Window is the part of an ordered list that the arguments select.
type Window struct {
	key           Key
	limit         int
	backward      bool
	after, before *cursor
}

type cursor struct {
	value, id string
}

// Parse returns the window of a list ordered by key. Errors are BadUserInput: sizes outside 0 to MaxSize, first
// together with last, and cursors of another order.
func Parse(a Args, key Key) (Window, error) {
	w := Window{key: key, limit: DefaultSize}
	switch {
	case a.First != nil && a.Last != nil:
		return w, badInput("Use first or last, not both.")
	case a.First != nil:
		w.limit = *a.First
	case a.Last != nil:
		w.limit, w.backward = *a.Last, true
	}
	if w.limit < 0 || w.limit > MaxSize {
		return w, badInput(fmt.Sprintf("The page size must be 0 to %d.", MaxSize))
	}
	for _, bound := range []struct {
		text   *string
		cursor **cursor
	}{{a.After, &w.after}, {a.Before, &w.before}} {
		if bound.text == nil {
			continue
		}
		c, err := decode(*bound.text, key)
		if err != nil {
			return w, err
		}
		*bound.cursor = &c
	}
	return w, nil
}

func badInput(message string) error { return apperr.New(apperr.BadUserInput, message) }

// Cursor returns the cursor of a row. The value is that of its Key column, as text that Postgres can cast.
func (k Key) Cursor(value, id string) string {
	data, _ := json.Marshal([3]string{k.order(), value, id}) //nolint:errcheck,errchkjson // strings always encode
	return base64.RawURLEncoding.EncodeToString(data)
}

func (k Key) order() string {
	if k.Desc {
		return "-" + k.Name
	}
	return k.Name
}

func decode(text string, key Key) (cursor, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	var parts [3]string
	if err == nil {
		err = json.Unmarshal(data, &parts)
	}
	value, ok := castable(parts[1], key.Type)
	if err != nil || parts[0] != key.order() || !ok || strings.Contains(parts[2], "\x00") {
		return cursor{}, badInput("The cursor does not belong to this list in this order.")
	}
	return cursor{value: value, id: parts[2]}, nil
}

// castable returns a cursor's value in a form that Postgres can cast to the key's type, and whether there is one:
// clients can send any cursor.
func castable(value, sqlType string) (string, bool) {
	switch sqlType {
	case "timestamptz":
		at, err := time.Parse(time.RFC3339Nano, value)
		at = at.UTC() // Postgres refuses offsets of a day
		return at.Format(time.RFC3339Nano), err == nil && at.Year() >= 1 && at.Year() <= 9999
	case "int":
		_, err := strconv.ParseInt(value, 10, 32)
		return value, err == nil
	default:
		return value, !strings.Contains(value, "\x00")
	}
}

// SQL returns the window's conditions, each with a leading AND, its ORDER BY and LIMIT, and args with their values
// appended.
func (w Window) SQL(args []any) (string, []any) {
	forward, backward := ">", "<"
	direction, opposite := "ASC", "DESC"
	if w.key.Desc {
		forward, backward = backward, forward
		direction, opposite = opposite, direction
	}
	var sql string
	bound := func(c *cursor, operator string) {
		if c == nil {
			return
		}
		args = append(args, c.value, c.id)
		sql += fmt.Sprintf(" AND (%s, id) %s ($%d::text::%s, $%d)",
			w.key.Column, operator, len(args)-1, w.key.Type, len(args))
	}
	bound(w.after, forward)
	bound(w.before, backward)
	if w.backward {
		direction = opposite
	}
	// One row beyond the page shows whether another page follows.
	sql += fmt.Sprintf(" ORDER BY %s %s, id %s LIMIT %d", w.key.Column, direction, direction, w.limit+1)
	return sql, args
}

// Page is the part of a list in a window.
type Page[T any] struct {
	Items                    []T
	HasNextPage, HasPrevious bool
}

// Of returns the page of the rows that the window's SQL returned.
func Of[T any](w Window, rows []T) Page[T] {
	more := len(rows) > w.limit
	if more {
		rows = rows[:w.limit]
	}
	if w.backward {
		slices.Reverse(rows)
		return Page[T]{Items: rows, HasPrevious: more, HasNextPage: w.before != nil}
	}
	return Page[T]{Items: rows, HasNextPage: more, HasPrevious: w.after != nil}
}

// Slice returns the page of a complete list, which is ordered by the window's key.
func Slice[T any](w Window, all []T, id func(T) string) Page[T] {
	if w.after != nil {
		i := slices.IndexFunc(all, func(item T) bool { return id(item) == w.after.id })
		all = all[i+1:]
	}
	return Of(w, all)
}

// Info is the PageInfo object of the schema.
type Info struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// InfoOf returns the PageInfo of a page whose items have the cursors.
func InfoOf[T any](p Page[T], cursors []string) *Info {
	info := &Info{HasNextPage: p.HasNextPage, HasPreviousPage: p.HasPrevious}
	if n := len(cursors); n > 0 {
		info.StartCursor, info.EndCursor = &cursors[0], &cursors[n-1]
	}
	return info
}
