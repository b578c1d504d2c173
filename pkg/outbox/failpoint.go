//go:build !sabotage_relay

package outbox

import "boxoffice.dev/pkg/events"

// failpoint returns the batch unchanged. tools/prove builds programs with a faulty one in its place.
func failpoint(seqs []int64, batch []events.Event) ([]int64, []events.Event) { return seqs, batch }
