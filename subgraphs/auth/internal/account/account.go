// Package account implements accounts and their sessions. It does not reveal which email addresses have an account,
// except to a sign-up with the same address. It treats the reuse of a refresh token as theft.
package account

import (
	"errors"
	"net/mail"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/auth/internal/password"
)

// User is the public profile of a person.
type User struct {
	ID          string
	DisplayName string
	MemberSince time.Time
}

// Session is one sign-in on one device.
type Session struct {
	ID        string
	CreatedAt time.Time
	ExpiresAt time.Time // each renewal extends it
}

// Viewer is the user of a session, with what only that user can see.
type Viewer struct {
	User    User
	Email   string // as entered
	Session Session
}

// Grant is a new or renewed session and its credential.
type Grant struct {
	Viewer       Viewer
	RefreshToken string // works once, while the session lasts
}

// SignUpInput describes a new account.
type SignUpInput struct {
	Email       string
	Password    string
	DisplayName *string    // nil: a generated name
	From        netip.Addr // address of the client; the zero Addr when unknown
}

// SignInInput is the credentials to sign in with.
type SignInInput struct {
	Email    string
	Password string
	From     netip.Addr // address of the client; the zero Addr when unknown
}

const (
	maxEmail       = 254 // octets, RFC 5321 with erratum 1690
	maxLocalPart   = 64
	maxDisplayName = 50 // characters
)

// hostName is a domain with at least two labels, in letters of any script.
var hostName = regexp.MustCompile(`^[\pL\pN\pM-]+(\.[\pL\pN\pM-]+)+$`)

func invalid(field, rule, message string) error {
	return apperr.ValidationError{Field: field, Rule: rule, Message: message}
}

// validateEmail returns a ValidationError unless the text is local@domain and nothing else.
func validateEmail(email string) error {
	parsed, err := mail.ParseAddress(email)
	local, domain, _ := strings.Cut(email, "@")
	switch {
	case len(email) > maxEmail:
		return invalid("email", "maxLength", "The email address must have at most 254 characters.")
	case err != nil, parsed.Address != email, // the parser also accepts names, comments and spaces
		len(local) > maxLocalPart, !hostName.MatchString(domain):
		return invalid("email", "email", "This is not an email address.")
	}
	return nil
}

// emailKey returns the form in which two addresses are compared. It accepts any text.
func emailKey(email string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(email)))
}

func validateDisplayName(name string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) } // U+0020 is the only printable space
	switch n := utf8.RuneCountInString(name); {
	case strings.TrimSpace(name) == "":
		return invalid("displayName", "minLength", "The name must not be empty.")
	case n > maxDisplayName:
		return invalid("displayName", "maxLength", "The name must have at most 50 characters.")
	case strings.ContainsFunc(name, unprintable):
		return invalid("displayName", "characters", "The name must not contain control characters.")
	}
	return nil
}

// newUser returns the profile of a new account.
func newUser(in SignUpInput, now time.Time) User {
	u := User{ID: id.New(id.User), MemberSince: now}
	if in.DisplayName != nil {
		u.DisplayName = *in.DisplayName
	} else {
		u.DisplayName = "Guest " + u.ID[len(u.ID)-4:]
	}
	return u
}

func (in SignUpInput) validate() error {
	faults := []error{validateEmail(in.Email), password.Validate(in.Password)}
	if in.DisplayName != nil {
		faults = append(faults, validateDisplayName(*in.DisplayName))
	}
	return errors.Join(faults...)
}
