package page_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/page"
)

var byTime = page.Key{Name: "created", Column: "created_at", Type: "timestamptz"}

func ptr[T any](v T) *T { return &v }

func TestParseRefuses(t *testing.T) {
	desc := byTime
	desc.Desc = true
	raw := func(json string) *string { return ptr(base64.RawURLEncoding.EncodeToString([]byte(json))) }
	for name, args := range map[string]page.Args{
		"T12 first over 100":        {First: ptr(101)},
		"T12 last over 100":         {Last: ptr(101)},
		"T12 negative first":        {First: ptr(-1)},
		"T12 first 2^31":            {First: ptr(1 << 31)},
		"first and last":            {First: ptr(1), Last: ptr(1)},
		"cursor that is no base64":  {After: ptr("%%%")},
		"cursor that is no JSON":    {Before: raw("nope")},
		"cursor of another order":   {After: ptr(desc.Cursor("2030-01-02T03:04:05Z", "ord_1"))},
		"cursor of no time":         {After: raw(`["created","yesterday","ord_1"]`)},
		"cursor before the year 1":  {After: raw(`["created","0001-01-01T00:00:00+20:00","ord_1"]`)},
		"cursor of the year 0":      {After: raw(`["created","0000-01-01T00:00:00Z","ord_1"]`)},
		"cursor with a NUL in it":   {After: raw(`["created","2030-01-02T03:04:05Z","\u0000"]`)},
		"cursor that tries SQL":     {After: raw(`["created","now()); DROP TABLE orders;--","x"]`)},
		"cursor of too few members": {After: raw(`["created"]`)},
	} {
		if _, err := page.Parse(args, byTime); !apperr.Has(err, apperr.BadUserInput) {
			t.Errorf("%s: got %v, want %s", name, err, apperr.BadUserInput)
		}
	}
}

func TestSQL(t *testing.T) {
	desc := byTime
	desc.Desc = true
	const at = "2030-01-02T03:04:05Z"
	for _, tt := range []struct {
		args page.Args
		key  page.Key
		want string
	}{
		{page.Args{}, byTime, " ORDER BY created_at ASC, id ASC LIMIT 21"},
		{page.Args{Last: ptr(2)}, byTime, " ORDER BY created_at DESC, id DESC LIMIT 3"},
		{page.Args{First: ptr(2), After: ptr(byTime.Cursor(at, "a"))}, byTime,
			" AND (created_at, id) > ($2::text::timestamptz, $3) ORDER BY created_at ASC, id ASC LIMIT 3"},
		{page.Args{First: ptr(2), After: ptr(desc.Cursor(at, "a"))}, desc,
			" AND (created_at, id) < ($2::text::timestamptz, $3) ORDER BY created_at DESC, id DESC LIMIT 3"},
		{page.Args{First: ptr(2), After: ptr(byTime.Cursor("2030-01-02T23:04:05+20:00", "a"))}, byTime,
			" AND (created_at, id) > ($2::text::timestamptz, $3) ORDER BY created_at ASC, id ASC LIMIT 3"},
		{page.Args{Last: ptr(2), Before: ptr(desc.Cursor(at, "a"))}, desc,
			" AND (created_at, id) > ($2::text::timestamptz, $3) ORDER BY created_at ASC, id ASC LIMIT 3"},
	} {
		w, err := page.Parse(tt.args, tt.key)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := w.SQL([]any{"buyer"}); got != tt.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", tt.args, got, tt.want)
		}
	}
}

func TestSlice(t *testing.T) {
	all := []string{"a", "b", "c", "d"}
	for _, tt := range []struct {
		args       page.Args
		want       []string
		next, prev bool
	}{
		{page.Args{}, all, false, false},
		{page.Args{First: ptr(2)}, all[:2], true, false},
		{page.Args{First: ptr(2), After: ptr(byTime.Cursor("2030-01-02T03:04:05Z", "b"))}, all[2:], false, true},
		{page.Args{First: ptr(0)}, nil, true, false},
	} {
		w, err := page.Parse(tt.args, byTime)
		if err != nil {
			t.Fatal(err)
		}
		got := page.Slice(w, slices.Clone(all), func(s string) string { return s })
		if fmt.Sprint(got.Items) != fmt.Sprint(tt.want) || got.HasNextPage != tt.next || got.HasPrevious != tt.prev {
			t.Errorf("%+v: got %+v", tt.args, got)
		}
	}
}
