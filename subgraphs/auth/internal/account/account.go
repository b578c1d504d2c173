// Package account knows who has an account and which sessions are theirs. It tells a stranger
// nothing about who has one, and takes a refresh token that comes back as a sign of theft.
package account

import (
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

// User is a person as everybody sees them.
type User struct {
	ID          string
	DisplayName string
	MemberSince time.Time
}

// Session is one sign-in on one device.
type Session struct {
	ID        string
	CreatedAt time.Time
	ExpiresAt time.Time // moves on with each renewal
}

// Viewer is a person as they see themselves in a session.
type Viewer struct {
	User    User
	Email   string // as it was typed
	Session Session
}

// Grant is a session that the caller may use from now on.
type Grant struct {
	Viewer       Viewer
	RefreshToken string // good until the session expires or it is used
}

// SignUpInput is what somebody without an account says about themselves.
type SignUpInput struct {
	Email       string
	Password    string
	DisplayName *string    // a name that says nothing about the person when nil
	From        netip.Addr // where the request comes from; the zero Addr when unknown
}

// SignInInput is who somebody claims to be.
type SignInInput struct {
	Email    string
	Password string
	From     netip.Addr // where the request comes from; the zero Addr when unknown
}

const (
	maxEmail       = 254 // octets, RFC 5321 with erratum 1690
	maxLocalPart   = 64
	maxDisplayName = 50 // characters
)

// hostName is a domain with at least two labels, in letters of any script.
var hostName = regexp.MustCompile(`^[\pL\pN\pM-]+(\.[\pL\pN\pM-]+)+$`)

// checkEmail returns why the text cannot be an address: it must be local@domain and nothing else.
func checkEmail(email, path string) error {
	parsed, err := mail.ParseAddress(email)
	local, domain, _ := strings.Cut(email, "@")
	switch {
	case len(email) > maxEmail:
		return apperr.Invalid(path, "maxLength", "The e-mail address must have at most 254 characters.")
	case err != nil, parsed.Address != email, // the parser also takes names, comments and blanks
		len(local) > maxLocalPart, !hostName.MatchString(domain):
		return apperr.Invalid(path, "email", "This is not an e-mail address.")
	}
	return nil
}

// emailKey returns the form in which two addresses are compared. It takes any text.
func emailKey(email string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(email)))
}

func checkDisplayName(name, path string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) } // of the spaces only U+0020 is
	switch n := utf8.RuneCountInString(name); {
	case strings.TrimSpace(name) == "":
		return apperr.Invalid(path, "minLength", "The name must not be empty.")
	case n > maxDisplayName:
		return apperr.Invalid(path, "maxLength", "The name must have at most 50 characters.")
	case strings.ContainsFunc(name, unprintable):
		return apperr.Invalid(path, "characters", "The name must not contain control characters.")
	}
	return nil
}

// newUser makes the public face of a new account.
func newUser(in SignUpInput, now time.Time) User {
	u := User{ID: id.New(id.User), MemberSince: now}
	if in.DisplayName != nil {
		u.DisplayName = *in.DisplayName
	} else {
		u.DisplayName = "Guest " + u.ID[len(u.ID)-4:]
	}
	return u
}

func (in SignUpInput) check() []error {
	errs := []error{checkEmail(in.Email, "input.email"), password.Check(in.Password, "input.password")}
	if in.DisplayName != nil {
		errs = append(errs, checkDisplayName(*in.DisplayName, "input.displayName"))
	}
	return errs
}
