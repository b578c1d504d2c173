package money_test

import (
	"testing"

	"boxoffice.dev/pkg/money"
)

func TestDecimal(t *testing.T) {
	for _, tt := range []struct {
		amount money.Money
		want   string
	}{
		{money.Money{MinorUnits: 1999, Currency: "USD"}, "19.99"},
		{money.Money{MinorUnits: 1999, Currency: "JPY"}, "1999"},
		{money.Money{MinorUnits: 1999, Currency: "KWD"}, "1.999"},
		{money.Money{MinorUnits: 5, Currency: "EUR"}, "0.05"},
		{money.Money{MinorUnits: -5, Currency: "EUR"}, "-0.05"},
		{money.Money{MinorUnits: 0, Currency: "EUR"}, "0.00"},
		{money.Money{MinorUnits: money.MaxMinorUnits, Currency: "EUR"}, "999999.99"},
	} {
		if got := tt.amount.Decimal(); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.amount, got, tt.want)
		}
	}
}

func TestScale(t *testing.T) {
	for currency, want := range map[string]int{"USD": 2, "JPY": 0, "KWD": 3} {
		if got := (money.Money{MinorUnits: 1, Currency: currency}).Scale(); got != want {
			t.Errorf("%s: got %d, want %d", currency, got, want)
		}
	}
}

func TestValidatePrice(t *testing.T) {
	for _, tt := range []struct {
		amount money.Money
		faults int
	}{
		{money.Money{MinorUnits: 1, Currency: "USD"}, 0},
		{money.Money{MinorUnits: money.MaxMinorUnits, Currency: "JPY"}, 0},
		{money.Money{MinorUnits: 0, Currency: "USD"}, 1},
		{money.Money{MinorUnits: -1, Currency: "USD"}, 1},
		{money.Money{MinorUnits: money.MaxMinorUnits + 1, Currency: "USD"}, 1},
		{money.Money{MinorUnits: 1, Currency: "usd"}, 1},
		{money.Money{MinorUnits: 1, Currency: "ZZZ"}, 1},
		{money.Money{MinorUnits: 1, Currency: "XXX"}, 1},
		{money.Money{MinorUnits: 0, Currency: ""}, 2},
	} {
		if got := tt.amount.ValidatePrice("price"); len(got) != tt.faults {
			t.Errorf("%+v: got %v, want %d faults", tt.amount, got, tt.faults)
		}
	}
}
