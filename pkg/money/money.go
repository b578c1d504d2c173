// Package money represents exact amounts as integers, in the smallest unit of their currency.
package money

import (
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"boxoffice.dev/pkg/apperr"
)

// MaxMinorUnits is the largest price, 999,999.99 in a currency with two decimals.
const MaxMinorUnits = 99_999_999

// Money is an amount of one currency.
type Money struct {
	MinorUnits int    `json:"minorUnits"` // 1999 is USD 19.99 and JPY 1999
	Currency   string `json:"currency"`   // ISO 4217 alphabetic code, upper case
}

// ValidatePrice returns an apperr.ValidationError, below the dotted field, for each fault of m as a price. A price is 1
// to MaxMinorUnits in a known currency.
func (m Money) ValidatePrice(field string) []error {
	var faults []error
	invalid := func(name, rule, message string) {
		faults = append(faults, apperr.ValidationError{Field: field + "." + name, Rule: rule, Message: message})
	}
	switch {
	case m.MinorUnits <= 0:
		invalid("minorUnits", "min", "The price must be greater than 0.")
	case m.MinorUnits > MaxMinorUnits:
		invalid("minorUnits", "max", "The price must be at most 99999999 minor units.")
	}
	if !known(m.Currency) {
		invalid("currency", "currency", "The currency must be an ISO 4217 code such as USD.")
	}
	return faults
}

func known(code string) bool {
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == code && code != "XXX" && code != "XTS"
}

// Scale returns how many decimals the currency has: 2 for USD, 0 for JPY, 3 for KWD.
func (m Money) Scale() int {
	unit, err := currency.ParseISO(m.Currency)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return scale
}

// Decimal writes the amount as a plain decimal number, such as 19.99 for USD and 1999 for JPY.
func (m Money) Decimal() string {
	scale := m.Scale()
	digits := strconv.Itoa(m.MinorUnits)
	if scale == 0 {
		return digits
	}
	sign := ""
	if m.MinorUnits < 0 {
		sign, digits = "-", digits[1:]
	}
	if pad := scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	cut := len(digits) - scale
	return sign + digits[:cut] + "." + digits[cut:]
}
