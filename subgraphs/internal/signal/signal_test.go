package signal_test

import (
	"sync"
	"testing"

	"boxoffice.dev/subgraphs/internal/signal"
)

func TestHub(t *testing.T) {
	t.Parallel()
	var hub signal.Hub
	first, firstDone := hub.Subscribe("a")
	second, secondDone := hub.Subscribe("a")
	other, otherDone := hub.Subscribe("b")
	defer otherDone()
	hub.Changed("a")
	hub.Changed("a")
	<-first
	<-second
	select {
	case <-first:
		t.Error("two changes in a row arrived as two")
	case <-other:
		t.Error("a change of another key arrived")
	default:
	}
	firstDone()
	hub.Changed("a")
	<-second
	select {
	case <-first:
		t.Error("a change arrived after done")
	default:
	}
	secondDone()
	hub.Changed("a") // without subscribers
}

func TestHubConcurrently(t *testing.T) {
	t.Parallel()
	var hub signal.Hub
	var wg sync.WaitGroup
	for range 50 {
		changed, done := hub.Subscribe("a")
		wg.Go(func() {
			defer done()
			<-changed
		})
		wg.Go(func() { hub.Changed("b") })
	}
	hub.Changed("a")
	wg.Wait()
}
