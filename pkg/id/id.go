// Package id generates and checks the ids of objects: TypeIDs (https://github.com/jetify-com/typeid), a type prefix and
// a UUIDv7. They sort by age.
package id

import (
	"time"

	"github.com/google/uuid"
	"go.jetify.com/typeid"
)

// Prefixes of ids. The query node finds the type of an object by its prefix.
const (
	User              = "usr"
	Session           = "ses"
	Ticket            = "tkt"
	Order             = "ord"
	OrderHistoryEntry = "oev"
	Payment           = "pay"
	Refund            = "rfd"
)

// New returns a new id, such as ord_01jq… for New(Order). It sorts after all ids that this process has generated. Those
// of package typeid do not within a millisecond.
func New(prefix string) string {
	u := uuid.Must(uuid.NewV7())
	return typeid.Must(typeid.FromUUIDBytesWithPrefix(prefix, u[:])).String()
}

// Valid reports whether s is a well-formed id with the prefix.
func Valid(prefix, s string) bool {
	return Prefix(s) == prefix
}

// Prefix returns the type prefix of a well-formed id, and "" for anything else.
func Prefix(s string) string {
	t, err := typeid.FromString(s)
	if err != nil {
		return ""
	}
	return t.Prefix()
}

// Time returns when a well-formed id was generated, and the zero time for anything else.
func Time(s string) time.Time {
	t, err := typeid.FromString(s)
	if err != nil {
		return time.Time{}
	}
	sec, nsec := uuid.UUID(t.UUIDBytes()).Time().UnixTime()
	return time.Unix(sec, nsec).UTC()
}
