package stripe

import (
	"fmt"
	"strings"

	"boxoffice.dev/pkg/money"
)

// Stripe counts most currencies in hundredths, whatever their own smallest unit is, these excepted:
// https://docs.stripe.com/currencies#minor-units.
const (
	zeroDecimal  = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
	threeDecimal = "BHD JOD KWD OMR TND"
	// Whole numbers of the currency, which Stripe still takes and gives as hundredths.
	wholeHundredths = "ISK UGX"
)

func scaleAtStripe(currency string) int {
	switch {
	case strings.Contains(zeroDecimal, currency):
		return 0
	case strings.Contains(threeDecimal, currency):
		return 3
	}
	return 2
}

// toStripe returns how Stripe writes the amount, and an error that the buyer may read when Stripe
// cannot charge exactly this much.
func toStripe(m money.Money) (amount int64, currency string, err error) {
	amount = int64(m.MinorUnits)
	for range scaleAtStripe(m.Currency) - m.Scale() {
		amount *= 10
	}
	step := int64(1)
	for range m.Scale() - scaleAtStripe(m.Currency) {
		step *= 10
	}
	exact := amount%step == 0
	amount /= step
	switch {
	case strings.Contains(threeDecimal, m.Currency): // the card networks know two decimals of them
		exact = exact && amount%10 == 0
	case strings.Contains(wholeHundredths, m.Currency):
		exact = exact && amount%100 == 0
	}
	if !exact || amount <= 0 {
		return 0, "", fmt.Errorf("%s %s cannot be charged to a card", m.Currency, m.Decimal())
	}
	return amount, strings.ToLower(m.Currency), nil
}

// fromStripe is the inverse of toStripe. An amount that only others can have charged, such as half
// a króna, loses its fraction.
func fromStripe(amount int64, currency string) money.Money {
	m := money.Money{Currency: strings.ToUpper(currency)}
	for range m.Scale() - scaleAtStripe(m.Currency) {
		amount *= 10
	}
	for range scaleAtStripe(m.Currency) - m.Scale() {
		amount /= 10
	}
	m.MinorUnits = int(amount)
	return m
}
