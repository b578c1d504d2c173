//go:build sabotage_relay

package outbox

import (
	"slices"

	"boxoffice.dev/pkg/events"
)

var lastSeq int64

// failpoint removes the events that are older than the last published one, as a relay would miss them that reads
// `WHERE seq > last`. It shows that tools/prove detects it.
func failpoint(seqs []int64, batch []events.Event) ([]int64, []events.Event) {
	first := slices.IndexFunc(seqs, func(seq int64) bool { return seq > lastSeq })
	if first < 0 {
		return nil, nil
	}
	lastSeq = seqs[len(seqs)-1]
	return seqs[first:], batch[first:]
}
