package plans

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/identity"
)

// active returns those of the labels that are active for a request.
func (p *Plans) active(ctx context.Context, labels []string) (active []string) {
	for _, label := range labels {
		if p.activeLabel(ctx, label) {
			active = append(active, label)
		}
	}
	return active
}

// activeLabel reports whether a label is active for a request. The label percent(n) is active for n percent of users, always
// the same ones, and of requests without a user (Federation specification, section "Progressive @override").
func (p *Plans) activeLabel(ctx context.Context, label string) bool {
	text, ok := strings.CutPrefix(label, "percent(")
	if !ok {
		return slices.Contains(p.labels, label)
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, ")"), 64)
	if err != nil {
		return false
	}
	hash := fnv.New64a()
	hash.Write([]byte(cmp.Or(identity.From(ctx).UserID, correlation.From(ctx).Request)))
	const parts = 1_000_000
	return float64(hash.Sum64()%parts)*100/parts < percent
}
