//go:build sabotage_relay

package outbox

import (
	"slices"

	"boxoffice.dev/pkg/events"
)

var lastSeq int64

// failpoint removes events with a lower seq than the last published one, as a relay with `WHERE seq > last` would. It
// shows that tools/prove detects this fault.
func failpoint(seqs []int64, batch []events.Event) ([]int64, []events.Event) {
	first := slices.IndexFunc(seqs, func(seq int64) bool { return seq > lastSeq })
	if first < 0 {
		return nil, nil
	}
	lastSeq = seqs[len(seqs)-1]
	return seqs[first:], batch[first:]
}
