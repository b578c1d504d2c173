package id_test

import (
	"testing"
	"time"

	"boxoffice.dev/pkg/id"
)

func TestNew(t *testing.T) {
	t.Parallel()
	last := ""
	for range 10_000 {
		next := id.New(id.Order)
		if next <= last {
			t.Fatalf("%s follows %s, but sorts before it", next, last)
		}
		if !id.Valid(id.Order, next) {
			t.Fatalf("%s is not valid", next)
		}
		last = next
	}
}

func TestValid(t *testing.T) {
	t.Parallel()
	const good = "tkt_01h455vb4pex5vsknk084sn02q"
	for s, want := range map[string]bool{
		good: true, "": false, "tkt": false, "tkt_": false, "01h455vb4pex5vsknk084sn02q": false, "ord_01h455vb4pex5vsknk084sn02q": false,
		"TKT_01h455vb4pex5vsknk084sn02q": false, "tkt_01H455VB4PEX5VSKNK084SN02Q": false, good + "0": false, " " + good: false,
		"tkt_81h455vb4pex5vsknk084sn02q": false, "tkt_01h455vb4pex5vsknk084sn02\x00": false, "tkt_01h455vb4pex5vsknk084sn0il": false,
	} {
		if got := id.Valid(id.Ticket, s); got != want {
			t.Errorf("Valid(%q): got %v, want %v", s, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	got := id.Time(id.New(id.Order))
	if got.Before(before) || got.After(time.Now()) {
		t.Errorf("got %s, want now", got)
	}
	if !id.Time("nonsense").IsZero() {
		t.Errorf("nonsense: got %s", id.Time("nonsense"))
	}
}
