// Package money holds exact amounts: a whole number of a currency's smallest unit.
// There is no arithmetic on fractions anywhere, so 19.99 is always 1999.
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

// ValidatePrice returns nil when m can be the price of something: 1 to MaxMinorUnits of a
// known currency. Otherwise it returns a ValidationFailed error for each fault, with paths below path.
func (m Money) ValidatePrice(path string) []error {
	var faults []error
	switch {
	case m.MinorUnits <= 0:
		faults = append(faults, apperr.Invalid(path+".minorUnits", "min", "The price must be greater than 0."))
	case m.MinorUnits > MaxMinorUnits:
		faults = append(faults, apperr.Invalid(path+".minorUnits", "max", "The price must be at most 99999999 minor units."))
	}
	if !known(m.Currency) {
		faults = append(faults, apperr.Invalid(path+".currency", "currency", "The currency must be an ISO 4217 code such as USD."))
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
