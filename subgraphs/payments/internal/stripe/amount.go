package stripe

import (
	"fmt"
	"strings"

	"boxoffice.dev/pkg/money"
)

// Stripe's API has amounts in hundredths of the currency, not in its smallest unit, with these exceptions:
// https://docs.stripe.com/currencies#minor-units.
const (
	zeroDecimal  = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
	threeDecimal = "BHD JOD KWD OMR TND"
	// Whole units only, although amounts are in hundredths.
	wholeHundredths = "ISK UGX"
)

// stripeScale returns the number of decimals of Stripe's unit.
func stripeScale(currency string) int {
	switch {
	case strings.Contains(zeroDecimal, currency):
		return 0
	case strings.Contains(threeDecimal, currency):
		return 3
	}
	return 2
}

// toStripe returns the amount in Stripe's unit. The error, if Stripe cannot charge exactly this amount, is suitable for
// display to the buyer.
func toStripe(m money.Money) (amount int64, currency string, err error) {
	amount = int64(m.MinorUnits)
	for range stripeScale(m.Currency) - m.Scale() {
		amount *= 10
	}
	step := int64(1)
	for range m.Scale() - stripeScale(m.Currency) {
		step *= 10
	}
	exact := amount%step == 0
	amount /= step
	switch {
	case strings.Contains(threeDecimal, m.Currency): // the card networks have two decimals
		exact = exact && amount%10 == 0
	case strings.Contains(wholeHundredths, m.Currency):
		exact = exact && amount%100 == 0
	}
	if !exact || amount <= 0 {
		return 0, "", fmt.Errorf("%s %s cannot be charged to a card", m.Currency, m.Decimal())
	}
	return amount, strings.ToLower(m.Currency), nil
}

// fromStripe is the inverse of toStripe. It truncates amounts that toStripe never returns, such as half a króna.
func fromStripe(amount int64, currency string) money.Money {
	m := money.Money{Currency: strings.ToUpper(currency)}
	for range m.Scale() - stripeScale(m.Currency) {
		amount *= 10
	}
	for range stripeScale(m.Currency) - m.Scale() {
		amount /= 10
	}
	m.MinorUnits = int(amount)
	return m
}
